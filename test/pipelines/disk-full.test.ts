import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, open, rm, statfs, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { requestStage, retryTask } from '../../worker/engine/tasks.ts'
import { noise, writeWav } from '../support/sound.ts'
import { createTrackEngine, statuses, type TaskRow, type TrackEngine } from './track-engine.ts'

const run = promisify(execFile)
const canMount = await tryToMount()
const FREE_BYTES = 16_000

let folder: string
let engine: TrackEngine
beforeAll(async () => {
  if (!canMount) return
  folder = await mkdtemp(join(tmpdir(), 'refrain full '))
  await writeWav(join(folder, 'song.wav'), noise({ seconds: 2, sampleRateHz: 44_100, channels: 2 }))
  engine = await createTrackEngine({ MEDIA_PATHS: folder, RETRY_DELAYS_SECONDS: '0.05' })
  await mount(engine.folder)
})
afterAll(async () => {
  if (!canMount) return
  // The worker's folders go before what they lie on.
  await engine?.query("update tasks set status = 'canceled' where status in ('pending', 'running')")
  if (engine) await run('umount', ['--lazy', engine.folder])
  await engine?.close()
  await rm(folder, { recursive: true, force: true })
})

test.skipIf(!canMount)(
  'on a full disk every stage that writes fails in words; once there is room a retry finishes the track',
  async () => {
    const upload = await engine.upload(join(folder, 'song.wav'), 'song.wav')
    await fillDisk()
    const ids = {
      upload: await engine.submit({ source: upload, lyrics: 'La la la\nLa la' }),
      path: await engine.submit({ source: { kind: 'path', path: join(folder, 'song.wav') } }),
    }
    await engine.startWorker()
    await engine.untilIdle('track', 60)
    const downloads = await Promise.all(Object.values(ids).map(async (id) => (await engine.tasksOf(id)).download))
    for (const task of downloads) assertDiskFull(task)
    expect(await engine.leftFiles()).toEqual([])
    await freeDisk()
    await retryTask(engine.client.pool, downloads[0].id)
    await engine.untilIdle('track', 120)
    expect(await engine.query('select stage from tracks where id = $1', [ids.upload])).toEqual([{ stage: 'ready' }])

    // Once more, now stage by stage; what was made before stays.
    const before = await engine.tasksOf(ids.upload)
    const writing = ['download', 'separate', 'enhance', 'screens', 'render', 'package']
    await fillDisk()
    for (const stage of writing) await requestStage(engine.client.pool, 'track', ids.upload, stage)
    await engine.untilIdle('track', 120)
    const full = await engine.tasksOf(ids.upload)
    for (const stage of writing) {
      assertDiskFull(full[stage])
      expect(full[stage].output).toEqual(before[stage].output)
    }
    expect(await engine.leftFiles()).toEqual([])

    await freeDisk()
    for (const stage of writing) await retryTask(engine.client.pool, full[stage].id)
    await engine.untilIdle('track', 120)
    const after = await engine.tasksOf(ids.upload)
    expect(statuses(after)).toEqual(statuses(before))
    for (const stage of writing) expect(after[stage].output, stage).toEqual(before[stage].output)
    expect(await engine.leftFiles()).toEqual([])
    await engine.assertConsistent()
  },
  300_000,
)

function assertDiskFull(task: TaskRow): void {
  expect([task.stage, task.status, task.attempts]).toEqual([task.stage, 'failed', 3])
  expect(task.error_message, task.stage).toMatch(/the disk is full/)
  expect(task.error_details, task.stage).toMatchObject({ kind: 'MEDIA_FAILED', retryable: true })
  expect(JSON.stringify([task.error_message, task.error_details])).not.toContain(engine.folder)
}

const ballast = () => join(engine.folder, 'ballast')

async function fillDisk(): Promise<void> {
  const file = await open(ballast(), 'w')
  try {
    const { bavail, bsize } = await statfs(engine.folder)
    const block = Buffer.alloc(64 * 1024)
    for (let left = bavail * bsize - FREE_BYTES; left > 0; left -= block.length) await file.write(block)
  } finally {
    await file.close()
  }
}

async function freeDisk(): Promise<void> {
  await truncate(ballast(), 0)
}

async function mount(at: string): Promise<void> {
  await run('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', at])
}

/** Needs Linux and the right to mount; elsewhere the test says that it is skipped. */
async function tryToMount(): Promise<boolean> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const at = await mkdtemp(join(tmpdir(), 'refrain-mount-'))
  try {
    await mkdir(at, { recursive: true })
    await mount(at)
    await run('umount', [at])
    return true
  } catch {
    return false
  } finally {
    await rm(at, { recursive: true, force: true })
  }
}
