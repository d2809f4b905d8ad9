import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { receive } from '../../worker/net/receive.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-receive-'))
  path = join(folder, 'file')
})

async function* body(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

test('a body becomes a file with its size and hash', async () => {
  const received = await receive(body('a', '', 'bc'), path, { maxBytes: 3, expectedBytes: 3 })
  // The well-known SHA-256 of “abc”.
  expect(received.sha256).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  expect(received.sizeBytes).toBe(3)
  expect(await readFile(path, 'utf8')).toBe('abc')
})

test('a body that is empty, too large, or not as long as announced leaves nothing', async () => {
  const cases = [
    [body(), { maxBytes: 9, expectedBytes: null }, 'empty'],
    [body('abc'), { maxBytes: 2, expectedBytes: null }, 'too large'],
    [body('abc'), { maxBytes: 9, expectedBytes: 10 }, 'too large'],
    [body('abc'), { maxBytes: 9, expectedBytes: 4 }, 'truncated'],
    [body('abc'), { maxBytes: 9, expectedBytes: 2 }, 'truncated'],
  ] as const
  for (const [stream, options, fault] of cases) {
    await expect(receive(stream, path, options)).rejects.toMatchObject({ fault })
    expect(await readdir(folder)).toEqual([])
  }
})

test('a body that breaks, or an abort, leaves nothing and keeps a file that was there before', async () => {
  await receive(body('old'), path, { maxBytes: 9, expectedBytes: null })
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('new')
    throw new Error('broke')
  }
  await expect(receive(broken(), path, { maxBytes: 9, expectedBytes: null })).rejects.toThrow('broke')
  const signal = AbortSignal.abort(new Error('canceled'))
  await expect(receive(body('new'), path, { maxBytes: 9, expectedBytes: null, signal })).rejects.toThrow('canceled')
  expect(await readdir(folder)).toEqual(['file'])
  expect(await readFile(path, 'utf8')).toBe('old')
})
