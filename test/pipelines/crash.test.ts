import { fork } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { align } from '../../worker/pipelines/track/align.ts'
import { checkout } from '../support/test-server.ts'
import { excerptLyrics, writeExcerpt } from './excerpt.ts'
import { artifactsIn } from './outputs.ts'
import { createTrackEngine, statuses, type TrackEngine } from './track-engine.ts'

let engine: TrackEngine
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain crash '))
  engine = await createTrackEngine()
})
afterAll(async () => {
  await engine?.close()
  await rm(folder, { recursive: true, force: true })
})

test('a worker process killed while it separates is replaced: the track completes, each stage once, nothing left', async () => {
  const path = join(folder, 'excerpt.wav')
  await writeExcerpt(path)
  const source = await engine.upload(path, 'excerpt.wav')
  const trackId = await engine.submit({ source, lyrics: await excerptLyrics() })
  const victim = fork(join(checkout, 'worker/main.ts'), {
    env: {
      ...process.env,
      DATABASE_URL: engine.url,
      CHAIN_RPC_URL: 'off',
      REFRAIN_DATA_DIR: engine.folder,
      LOG_LEVEL: 'silent',
    },
    // As the command line starts it: the channel's end tells a worker that its parent has gone.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = new Promise<void>((resolve) => victim.once('exit', () => resolve()))
  let killed: { id: number; runs: number; worker_id: string }
  try {
    killed = await Promise.race([
      engine.until<typeof killed>(
        "select id, runs, worker_id from tasks where stage = 'separate' and status = 'running' and progress > 0.05",
        [],
        180,
      ),
      ended.then(() => Promise.reject(new Error('the worker process ended by itself'))),
    ])
    expect(await readdir(join(engine.folder, 'work', killed.worker_id))).not.toEqual([])
  } finally {
    victim.kill('SIGKILL')
    await ended
  }
  const killedAt = Date.now()
  const heir = await engine.startWorker()
  await engine.until(
    'select 1 from tasks where id = $1 and runs > $2 and worker_id = $3',
    [killed.id, killed.runs, heir.id],
    15,
  )
  expect(Date.now() - killedAt).toBeLessThan(10_000)
  await engine.untilIdle('track', 200)

  const tasks = await engine.tasksOf(trackId)
  expect(new Set(Object.values(statuses(tasks)))).toEqual(new Set(['completed', 'skipped']))
  expect(await engine.query('select stage from tracks')).toEqual([{ stage: 'ready' }])
  expect(tasks.separate).toMatchObject({ status: 'completed', attempts: 2, runs: 2, error_message: null })
  const settled = await engine.query<{ n: number }>(
    "select count(*)::int as n from task_events where status = 'completed' group by task_id",
  )
  expect(settled.every(({ n }) => n === 1)).toBe(true)
  const made = await engine.query<{ task_id: number; n: number }>(
    'select task_id, count(*)::int as n from task_artifacts group by task_id',
  )
  // The upload is nobody's product.
  const told = Object.values(tasks).map(
    (task) => [task.id, artifactsIn(task.output).filter(({ name }) => name !== 'excerpt.wav').length] as const,
  )
  expect(Object.fromEntries(made.map((row) => [row.task_id, row.n]))).toEqual(
    Object.fromEntries(told.filter(([, n]) => n > 0)),
  )
  const { confidence } = align.output.parse(tasks.align.output)
  expect(confidence).toBeGreaterThan(0.5)

  expect(await readdir(join(engine.folder, 'work'))).toEqual([heir.id])
  expect(await engine.leftFiles()).toEqual([])
  const known = await engine.query<{ sha256: string }>('select sha256 from artifacts')
  const stored = (await readdir(join(engine.folder, 'artifacts'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
  expect(stored.sort()).toEqual(known.map(({ sha256 }) => sha256).sort())
  await engine.assertConsistent()
}, 420_000)
