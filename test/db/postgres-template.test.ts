import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { withClient } from '../support/test-server.ts'

const open: TestDatabase[] = []
afterAll(() => Promise.all(open.map((database) => database.drop())))

async function create(): Promise<TestDatabase> {
  const database = await createTestDatabase()
  open.push(database)
  return database
}

test('a test database has every migration applied and is nobody else’s', async () => {
  const [one, other] = await Promise.all([create(), create()])
  await withClient(one.url, (client) => client.query('create table mine (id int)'))
  const seen = await withClient(other.url, (client) =>
    client.query(`select to_regclass('refrain_migrations') as migrations, to_regclass('mine') as mine`),
  )
  expect(seen.rows).toEqual([{ migrations: 'refrain_migrations', mine: null }])
})

test('dropping a test database disconnects those who still use it', async () => {
  const { url, drop } = await create()
  const client = new pg.Client({ connectionString: url })
  const errors: Error[] = []
  client.on('error', (error) => errors.push(error))
  await client.connect()
  const ended = new Promise((resolve) => client.once('end', resolve))
  await drop()
  await ended
  expect(errors[0].message).toMatch(/terminating connection/)
  await expect(withClient(url, (other) => other.query('select 1'))).rejects.toThrow(/does not exist/)
})
