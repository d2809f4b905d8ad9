import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openClient } from '../../worker/db/client.ts'
import { Blocked, InvalidInput } from '../../worker/errors.ts'
import { openVault } from '../../worker/vault/open.ts'
import { loadSecretKey, parseKey, rotateSecretKey } from '../../worker/vault/secret-key.ts'
import { createTestDatabase } from '../support/database.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-secret-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const hex = (key: Uint8Array) => Buffer.from(key).toString('hex')

test('a configured master key is read in hexadecimal and in base64; no file is made', async () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i * 7)
  expect(await loadSecretKey(hex(key), folder)).toEqual(key)
  expect(await loadSecretKey(hex(key).toUpperCase(), folder)).toEqual(key)
  expect(await loadSecretKey(Buffer.from(key).toString('base64'), folder)).toEqual(key)
  expect(await readdir(folder)).toEqual([])
})

test('a configured master key of another form is refused without being shown', async () => {
  for (const text of ['abc', 'f'.repeat(63), 'f'.repeat(65), 'g'.repeat(64), `${'A'.repeat(42)}==`, '']) {
    const error = await loadSecretKey(text, folder).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(InvalidInput)
    expect(error.message).toContain('REFRAIN_SECRET_KEY: expected 32 bytes')
    if (text) expect(error.message).not.toContain(text)
  }
})

test('without one, a file is made that only its owner reads, and read from then on', async () => {
  const key = await loadSecretKey(undefined, join(folder, 'not', 'there', 'yet'))
  const path = join(folder, 'not', 'there', 'yet', 'secret.key')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(parseKey(await readFile(path, 'utf8'))).toEqual(key)
  expect(await loadSecretKey(undefined, join(folder, 'not', 'there', 'yet'))).toEqual(key)
  expect(await readdir(join(folder, 'not', 'there', 'yet'))).toEqual(['secret.key'])
})

test('processes that start at once share one key', async () => {
  const module = pathToFileURL(join(import.meta.dirname, '../../worker/vault/secret-key.ts')).href
  const program = `
    const { loadSecretKey } = await import(${JSON.stringify(module)})
    process.stdout.write(' ')
    process.stdin.once('data', async () => {
      process.stdout.write(Buffer.from(await loadSecretKey(undefined, ${JSON.stringify(folder)})).toString('hex'))
      process.stdin.destroy()
    })`
  const children = [1, 2, 3].map(() => spawn(process.execPath, ['--input-type=module', '-e', program]))
  await Promise.all(children.map((child) => once(child.stdout, 'data')))
  const keys = await Promise.all(
    children.map(async (child) => {
      child.stdin.write('go')
      const [key] = (await once(child.stdout, 'data')) as [Buffer]
      await once(child, 'close')
      return key.toString()
    }),
  )
  expect(keys[0]).toMatch(/^[0-9a-f]{64}$/)
  expect(new Set(keys).size).toBe(1)
  const together = await Promise.all(Array.from({ length: 30 }, () => loadSecretKey(undefined, join(folder, 'two'))))
  expect(new Set(together.map(hex)).size).toBe(1)
})

test('a short, empty or foreign file is an error, and stays as it is', async () => {
  for (const text of ['', 'abc\n', `${'f'.repeat(63)}\n`, 'f'.repeat(640), '\0'.repeat(64)]) {
    await writeFile(join(folder, 'secret.key'), text)
    const error = await loadSecretKey(undefined, folder).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(Blocked)
    expect(error.message).toContain('does not hold a master key')
    expect(error.message).toContain('restore it from a backup')
    expect(await readFile(join(folder, 'secret.key'), 'utf8')).toBe(text)
  }
})

test('a file or folder that cannot be used is an error that says so', async () => {
  await rm(folder, { recursive: true })
  await writeFile(folder, 'a file where the folder should be')
  await expect(loadSecretKey(undefined, folder)).rejects.toThrow(/cannot be (read|made) \((ENOTDIR|EEXIST)\)/)
  await rm(folder)
  await mkdir(join(folder, 'secret.key'), { recursive: true })
  await expect(loadSecretKey(undefined, folder)).rejects.toThrow('cannot be read (EISDIR)')
})

test('the key of the data folder is changed, also after a crash half way', async () => {
  const database = await createTestDatabase()
  const client = openClient(database.url)
  try {
    const first = await loadSecretKey(undefined, folder)
    await openVault({ client, secretKey: first }).keep('one', () => Uint8Array.of(1, 2, 3))
    // As a crash between the two leaves it: the database is changed, the file is not.
    await rotateSecretKey(client, folder)
    const second = await loadSecretKey(undefined, folder)
    expect(hex(second)).not.toBe(hex(first))
    await writeFile(join(folder, 'secret.key.next'), `${hex(second)}\n`)
    await writeFile(join(folder, 'secret.key'), `${hex(first)}\n`)
    await expect(openVault({ client, secretKey: first }).open('one')).rejects.toThrow(Blocked)
    expect(await rotateSecretKey(client, folder)).toBe(0)
    const after = await loadSecretKey(undefined, folder)
    expect(hex(after)).toBe(hex(second))
    expect(await openVault({ client, secretKey: after }).open('one')).toEqual(Uint8Array.of(1, 2, 3))
    expect(await readdir(folder)).toEqual(['secret.key'])
  } finally {
    await client.close()
    await database.drop()
  }
})
