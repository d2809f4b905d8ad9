import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { afterAll } from 'vitest'
import { ensureTemplate } from './template.ts'
import { joinTestServer, type TestServer, withClient } from './test-server.ts'

export type TestDatabase = {
  /** Superuser's URL of a database with the whole schema and no rows of anybody else. */
  readonly url: string
  /** Disconnects everybody and drops it. */
  drop(): Promise<void>
}

let joined: Promise<TestServer> | undefined
let template: Promise<string> | undefined

afterAll(async () => {
  await (await joined)?.leave()
})

/**
 * Makes a database of its own for a test or a test file, by cloning a template that has all migrations applied.
 *
 * ```ts
 * const database = await createTestDatabase()
 * try { … } finally { await database.drop() }
 * ```
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = await (joined ??= joinTestServer())
  const source = await (template ??= ensureTemplate(server))
  // The time comes first, so that the server's next start can tell what a killed run has left.
  const name = `test_${Math.floor(Date.now() / 1000).toString(16)}_${randomBytes(6).toString('hex')}`
  await administer(server, (client) => client.query(`create database ${name} template ${source}`))
  return {
    url: server.url(name),
    drop: () =>
      administer(server, (client) => client.query(`drop database if exists ${name} with (force)`)).then(() => {}),
  }
}

function administer<T>(server: TestServer, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return withClient(server.url('postgres'), work)
}
