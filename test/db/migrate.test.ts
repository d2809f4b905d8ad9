import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate, migrationStatus } from '../../worker/db/migrate.ts'
import { checkout, joinTestServer, type TestServer, withClient } from '../support/test-server.ts'

let server: TestServer
const databases: string[] = []
beforeAll(async () => {
  server = await joinTestServer()
})
afterAll(async () => {
  await withClient(server.url('postgres'), async (client) => {
    for (const name of databases) await client.query(`drop database if exists ${name} with (force)`)
  })
  await server.leave()
})

/** An empty database, nothing migrated. */
async function makeDatabase(): Promise<string> {
  const name = `test_${Math.floor(Date.now() / 1000).toString(16)}_migrate_${databases.length}_${process.pid}`
  await withClient(server.url('postgres'), (client) => client.query(`create database ${name}`))
  databases.push(name)
  return server.url(name)
}
const files = async () => (await readdir(join(checkout, 'migrations'))).filter((name) => name.endsWith('.sql')).sort()

test('an empty database gets every file in order; the second call finds nothing to do', async () => {
  const url = await makeDatabase()
  expect((await migrationStatus(url)).map(({ name, appliedAt }) => [name, appliedAt])).toEqual(
    (await files()).map((name) => [name, null]),
  )
  expect(await migrate(url)).toEqual(await files())
  expect(await migrate(url)).toEqual([])
  const status = await migrationStatus(url)
  expect(status.map(({ name }) => name)).toEqual(await files())
  for (const { appliedAt, sha256 } of status) {
    expect(appliedAt).toBeInstanceOf(Date)
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
  }
})

test('processes that start at once migrate once', async () => {
  const url = await makeDatabase()
  const applied = await Promise.all([migrate(url), migrate(url), migrate(url)])
  expect(applied.flat()).toEqual(await files())
})

test('a file edited after it was applied is refused by name, with what to do', async () => {
  const url = await makeDatabase()
  await migrate(url)
  const [first] = await files()
  await withClient(url, (client) =>
    client.query("update refrain_migrations set sha256 = repeat('0', 64) where name = $1", [first]),
  )
  const refusal = `migration ${first} was edited after it had been applied: restore the file and put the change into a new one`
  await expect(migrate(url)).rejects.toThrow(refusal)
  await expect(migrationStatus(url)).rejects.toThrow(refusal)
})

test('a migration that fails leaves nothing of itself, and can be tried again', async () => {
  const url = await makeDatabase()
  await withClient(url, (client) => client.query('create table tracks (id int)'))
  await expect(migrate(url)).rejects.toThrow(/migration 0002_tracks.sql failed: relation "tracks" already exists/)
  const status = await migrationStatus(url)
  expect(status.map(({ appliedAt }) => appliedAt !== null).slice(0, 2)).toEqual([true, false])
  await withClient(url, async (client) => {
    const { rows } = await client.query("select to_regclass('artifacts') as artifacts")
    expect(rows).toEqual([{ artifacts: null }])
    await client.query('drop table tracks')
  })
  expect(await migrate(url)).toEqual((await files()).slice(1))
})

test('a database that cannot be reached is refused with the reason', async () => {
  await expect(migrate('postgres://refrain:x@127.0.0.1:1/nothing')).rejects.toThrow(/ECONNREFUSED/)
  await expect(migrationStatus('postgres://refrain:x@127.0.0.1:1/nothing')).rejects.toBeInstanceOf(Error)
})
