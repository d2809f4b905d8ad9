import { randomBytes } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Client, openClient } from '../../worker/db/client.ts'
import { openVault } from '../../worker/vault/open.ts'
import { loadSecretKey } from '../../worker/vault/secret-key.ts'
import { createTestDatabase } from '../support/database.ts'
import { createPrograms } from './program.ts'

vi.setConfig({ testTimeout: 60_000 })

const programs = createPrograms()
let database: Awaited<ReturnType<typeof createTestDatabase>>
let client: Client
let folder: string
beforeEach(async () => {
  database = await createTestDatabase()
  client = openClient(database.url)
  folder = await programs.makeFolder()
  await mkdir(folder)
})
afterEach(async () => {
  await client.close()
  await database.drop()
})
afterAll(() => programs.clean())

const rotate = (environment: Record<string, string> = {}, ...args: string[]) =>
  programs.run('main.ts', ['secrets', 'rotate', ...args], {
    DATABASE_URL: database.url,
    REFRAIN_DATA_DIR: folder,
    ...environment,
  }).ended
const open = (secretKey: Uint8Array) => openVault({ client, secretKey }).open('song')
const SONG_KEY = Uint8Array.of(1, 2, 3)

test('the key of the data folder is changed, and what was kept opens with the new one only', async () => {
  const before = await loadSecretKey(undefined, folder)
  await openVault({ client, secretKey: before }).keep('song', () => SONG_KEY)
  const { exitCode, stdout, stderr } = await rotate()
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toBe(
    `1 secret encrypted anew\nBack up ${join(folder, 'secret.key')}, and restart every process of this server: they still have the old key.\n`,
  )
  expect(stdout).not.toContain((await readFile(join(folder, 'secret.key'), 'utf8')).trim())
  const after = await loadSecretKey(undefined, folder)
  expect(await open(after)).toEqual(SONG_KEY)
  await expect(open(before)).rejects.toThrow()
})

test('a key of the environment gives way to the next one, which has to be given and to be a key', async () => {
  const [before, after] = [randomBytes(32), randomBytes(32)]
  await openVault({ client, secretKey: before }).keep('song', () => SONG_KEY)
  const configured = { REFRAIN_SECRET_KEY: before.toString('hex') }
  const next = { REFRAIN_NEXT_SECRET_KEY: after.toString('base64') }
  for (const [environment, told] of [
    [configured, 'set REFRAIN_NEXT_SECRET_KEY'],
    [next, 'set without REFRAIN_SECRET_KEY'],
    [{ ...configured, REFRAIN_NEXT_SECRET_KEY: 'hunter22' }, 'expected 32 bytes'],
    [{ ...next, REFRAIN_SECRET_KEY: randomBytes(32).toString('hex') }, 'nothing was encrypted anew'],
  ] as const) {
    const { exitCode, stdout, stderr } = await rotate(environment)
    expect({ exitCode, stdout }, told).toEqual({ exitCode: 1, stdout: '' })
    expect(stderr).toContain(told)
    expect(stderr).not.toContain('hunter22')
  }
  expect(await open(before)).toEqual(SONG_KEY)

  const { stdout } = await rotate({ ...configured, ...next }, '--json')
  expect(JSON.parse(stdout)).toMatchObject({ resealed: 1 })
  expect(await open(after)).toEqual(SONG_KEY)
  expect(JSON.parse((await rotate({ ...configured, ...next }, '--json')).stdout)).toMatchObject({ resealed: 0 })
})

test('without a key there is nothing to change, and none is made', async () => {
  const { exitCode, stderr } = await rotate()
  expect(exitCode).toBe(1)
  expect(stderr).toContain(`there is no ${join(folder, 'secret.key')}`)
})
