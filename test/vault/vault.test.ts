import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Client, openClient } from '../../worker/db/client.ts'
import { Blocked } from '../../worker/errors.ts'
import { openVault } from '../../worker/vault/open.ts'
import { reseal } from '../../worker/vault/reseal.ts'
import { masterKeyId, seal } from '../../worker/vault/seal.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let client: Client
beforeAll(async () => {
  database = await createTestDatabase()
  client = openClient(database.url)
})
afterAll(async () => {
  await client.close()
  await database.drop()
})
beforeEach(() => client.pool.query('delete from secrets'))

const bytes = (text: string) => Uint8Array.from(Buffer.from(text))
const newKey = () => Uint8Array.from(randomBytes(32))

test('what is kept comes back, also to another process with the same master key; what is not is null', async () => {
  const secretKey = newKey()
  const vault = openVault({ client, secretKey })
  const kept = await vault.keep('wallet:artist:1', () => bytes('a private key'))
  expect(Buffer.from(kept).toString()).toBe('a private key')
  expect(await openVault({ client, secretKey }).open('wallet:artist:1')).toEqual(kept)
  expect(await vault.open('wallet:artist:2')).toBe(null)
  expect(await vault.keep('empty', () => new Uint8Array(0))).toEqual(new Uint8Array(0))
  expect(await vault.open('empty')).toEqual(new Uint8Array(0))
})

test('a secret is made once: who comes back, or comes at the same time, gets the first one', async () => {
  const vault = openVault({ client, secretKey: newKey() })
  const all = await Promise.all(Array.from({ length: 12 }, (_, i) => vault.keep('one', () => bytes(`made ${i}`))))
  expect(new Set(all.map((one) => Buffer.from(one).toString())).size).toBe(1)
  const again = await vault.keep('one', () => {
    throw new Error('must not be made again')
  })
  expect(again).toEqual(all[0])
})

test('rows hold nothing of the secret', async () => {
  const secret = newKey()
  const vault = openVault({ client, secretKey: newKey() })
  await vault.keep('content-key:1', () => secret)
  await vault.keep('text', () => bytes('plain words that must not be seen'))
  const { rows } = await client.pool.query<{ row: string }>(
    `select name || ' ' || encode(sealed, 'hex') || ' ' || encode(sealed, 'escape') || ' ' || key_id as row from secrets`,
  )
  expect(rows).toHaveLength(2)
  for (const { row } of rows) {
    expect(row).not.toContain(Buffer.from(secret).toString('hex'))
    expect(row).not.toContain('plain words')
    expect(row).not.toContain(Buffer.from('plain words').toString('hex'))
  }
})

test('the same secret under two names is not the same row', async () => {
  const vault = openVault({ client, secretKey: newKey() })
  await vault.keep('a', () => bytes('same'))
  await vault.keep('b', () => bytes('same'))
  const { rows } = await client.pool.query<{ sealed: Buffer }>('select sealed from secrets')
  expect(rows[0].sealed.equals(rows[1].sealed)).toBe(false)
})

test('another master key opens nothing, adds nothing and says what to do', async () => {
  const [right, wrong] = [newKey(), newKey()]
  await openVault({ client, secretKey: right }).keep('one', () => bytes('secret'))
  const vault = openVault({ client, secretKey: wrong })
  const attempts = [
    () => vault.open('one'),
    () => vault.keep('one', () => bytes('x')),
    () => vault.keep('two', () => bytes('x')),
  ]
  for (const attempt of attempts) {
    const error = await attempt().catch((thrown) => thrown)
    expect(error).toBeInstanceOf(Blocked)
    expect(error.message).toContain('set REFRAIN_SECRET_KEY (or restore secret.key in the data folder)')
    expect(error.details).toEqual({ expectedKeyId: masterKeyId(right), keyId: masterKeyId(wrong) })
    for (const key of [right, wrong])
      expect(JSON.stringify(error) + error.stack).not.toContain(Buffer.from(key).toString('hex'))
  }
  const { rows } = await client.pool.query('select name from secrets')
  expect(rows).toEqual([{ name: 'one' }])
})

test('two processes with two master keys cannot both begin an empty vault', async () => {
  const vaults = Array.from({ length: 6 }, () => openVault({ client, secretKey: newKey() }))
  const results = await Promise.allSettled(vaults.map((vault, i) => vault.keep(`of ${i}`, () => bytes('secret'))))
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  const { rows } = await client.pool.query('select distinct key_id from secrets')
  expect(rows).toHaveLength(1)
})

test('a row that was changed, or moved to another name, does not open', async () => {
  const vault = openVault({ client, secretKey: newKey() })
  await vault.keep('mine', () => bytes('my secret'))
  await vault.keep('theirs', () => bytes('their secret'))
  await client.pool.query(
    `update secrets set sealed = (select sealed from secrets where name = 'theirs') where name = 'mine'`,
  )
  await expect(vault.open('mine')).rejects.toThrow('the secret mine was changed in the database')
  await client.pool.query(
    `update secrets set sealed = set_byte(sealed, 13, 255 - get_byte(sealed, 13)) where name = 'theirs'`,
  )
  await expect(vault.open('theirs')).rejects.toThrow(Blocked)
})

test('a new master key takes over every secret at once, and again does nothing', async () => {
  const [from, to] = [newKey(), newKey()]
  const before = openVault({ client, secretKey: from })
  for (let i = 0; i < 3; i++) await before.keep(`secret ${i}`, () => bytes(`value ${i}`))
  expect(await reseal({ client, from, to })).toBe(3)
  expect(await reseal({ client, from, to })).toBe(0)
  expect(Buffer.from((await openVault({ client, secretKey: to }).open('secret 2'))!).toString()).toBe('value 2')
  await expect(before.open('secret 2')).rejects.toThrow(Blocked)
  await expect(before.keep('late', () => bytes('x'))).rejects.toThrow(Blocked)
})

test('a new master key takes over more secrets than one batch', async () => {
  const [from, to] = [newKey(), newKey()]
  const names = Array.from({ length: 1203 }, (_, i) => `secret ${i}`)
  await client.pool.query(
    'insert into secrets (name, sealed, key_id) select name, sealed, $3 from unnest($1::text[], $2::bytea[]) as t (name, sealed)',
    [names, names.map((name, i) => seal(from, name, bytes(`value ${i}`))), masterKeyId(from)],
  )
  expect(await reseal({ client, from, to })).toBe(1203)
  const after = openVault({ client, secretKey: to })
  for (const i of [0, 499, 500, 501, 1202])
    expect(Buffer.from((await after.open(`secret ${i}`))!).toString()).toBe(`value ${i}`)
})

test('a secret that the old master key does not open stops the change, and nothing has happened', async () => {
  const [from, to] = [newKey(), newKey()]
  const vault = openVault({ client, secretKey: from })
  await vault.keep('a', () => bytes('first'))
  await vault.keep('b', () => bytes('second'))
  await expect(reseal({ client, from: newKey(), to })).rejects.toThrow('nothing was encrypted anew')
  await client.pool.query(
    `update secrets set sealed = set_byte(sealed, 13, 255 - get_byte(sealed, 13)) where name = 'b'`,
  )
  await expect(reseal({ client, from, to })).rejects.toThrow('the secret b was encrypted with the master key')
  expect(Buffer.from((await vault.open('a'))!).toString()).toBe('first')
})

test('secrets kept while the master key changes are all under the new one at the end, or were refused', async () => {
  const [from, to] = [newKey(), newKey()]
  const names = Array.from({ length: 400 }, (_, i) => `before ${i}`)
  await client.pool.query(
    'insert into secrets (name, sealed, key_id) select name, sealed, $3 from unnest($1::text[], $2::bytea[]) as t (name, sealed)',
    [names, names.map((name) => seal(from, name, bytes('x'))), masterKeyId(from)],
  )
  const vault = openVault({ client, secretKey: from })
  let isOver = false
  const changing = reseal({ client, from, to }).finally(() => {
    isOver = true
  })
  const kept: string[] = []
  let refusals = 0
  for (let i = 0; !isOver || refusals === 0; i++) {
    const name = `secret ${i}`
    await vault
      .keep(name, () => bytes(name))
      .then(
        () => kept.push(name),
        () => refusals++,
      )
  }
  await changing
  const { rows } = await client.pool.query('select distinct key_id from secrets')
  expect(rows).toEqual([{ key_id: masterKeyId(to) }])
  const after = openVault({ client, secretKey: to })
  for (const name of kept) expect(Buffer.from((await after.open(name)) ?? []).toString()).toBe(name)
})
