import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { compareEntities } from '../conformance/compare.ts'
import { type Entity, type EntityType, readEntityTypes } from '../conformance/entities.ts'
import type { Indexer } from '../conformance/indexer.ts'

const EMITTER: EntityType = { name: 'Emitter', plural: 'emitters', selection: 'id isAllowed' }

/** Answers any query for emitters with these, as an indexer would. */
async function serve(name: string, emitters: readonly Entity[]): Promise<Indexer> {
  const server = createServer((_request, response) => response.end(JSON.stringify({ data: { emitters } })))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    name,
    pid: process.pid,
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

test('a comparison sees a field that differs, and an entity that only one of the two has', async () => {
  const one = await serve('one', [
    { id: '0x01', isAllowed: true },
    { id: '0x02', isAllowed: true },
  ])
  const other = await serve('other', [
    { id: '0x01', isAllowed: false },
    { id: '0x03', isAllowed: true },
  ])
  try {
    expect(await compareEntities(one, one, [EMITTER])).toEqual({ entities: 2, fields: 4, differences: [] })
    const { differences } = await compareEntities(one, other, [EMITTER])
    expect(differences).toEqual([
      'Emitter 0x01 isAllowed: one true, other false',
      'Emitter 0x02: only one has it',
      'Emitter 0x03: only other has it',
    ])
  } finally {
    await Promise.all([one.stop(), other.stop()])
  }
})

test('everything that is stored is compared, references by their id, and nothing that is derived', async () => {
  const types = new Map((await readEntityTypes()).map((type) => [type.name, type]))
  expect([...types.keys()].toSorted()).toEqual(
    [
      'Artist',
      'Clip',
      'ClipEvent',
      'Emitter',
      'ForeignEvent',
      'Key',
      'KeyEvent',
      'Lock',
      'LockEvent',
      'Segment',
    ].toSorted(),
  )
  expect(types.get('Segment')).toMatchObject({ plural: 'segments', selection: expect.stringContaining('lock { id }') })
  expect(types.get('Clip')!.selection).not.toMatch(/segments|events/)
})

test('the conformance script says why it cannot run, and succeeds', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'refrain-conformance-script-'))
  try {
    const script = join(folder, 'run.sh')
    await copyFile(join(import.meta.dirname, '../conformance/run.sh'), script)
    const { stdout } = await promisify(execFile)('sh', [script])
    expect(stdout).toMatch(/^Skipped: .+\.\n$/)
  } finally {
    await rm(folder, { recursive: true })
  }
})
