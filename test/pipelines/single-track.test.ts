import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { requestStage } from '../../worker/engine/tasks.ts'
import { track } from '../../worker/pipelines/track/index.ts'
import { tone, writeWav } from '../support/sound.ts'
import { createTrackEngine, statuses, type TaskRow, type TrackEngine } from './track-engine.ts'

let folder: string
let engine: TrackEngine
let asked: number
let other: number
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain single '))
  engine = await createTrackEngine()
  const path = join(folder, 'song.wav')
  await writeWav(path, tone({ seconds: 2, sampleRateHz: 44_100, channels: 1 }))
  const song = { source: await engine.upload(path, 'song.wav'), lyrics: 'La la la' }
  asked = await engine.submit(song)
  other = await engine.submit(song)
  await engine.startWorker()
  await engine.untilIdle('track', 200)
}, 220_000)
afterAll(async () => {
  await engine?.close()
  await rm(folder, { recursive: true, force: true })
})

test.each(track.stages.map((stage) => stage.name))(
  '%s asked for one finished track runs that stage of that track and no other',
  async (stage) => {
    const before = await engine.tasksOf(asked)
    const others = await engine.tasksOf(other)
    await requestStage(engine.client.pool, 'track', asked, stage)
    await engine.untilIdle('track', 60)
    const after = await engine.tasksOf(asked)
    expect(statuses(after)).toEqual(statuses(before))
    const [own, rest] = split(after, stage)
    const [ownBefore, restBefore] = split(before, stage)
    expect(own.length).toBeGreaterThan(0)
    expect(own.map((task) => [task.id, task.runs, task.attempts])).toEqual(
      ownBefore.map((task) => [task.id, task.runs + 1, 1]),
    )
    expect(own.map((task) => task.output)).toEqual(ownBefore.map((task) => task.output))
    expect(rest).toEqual(restBefore)
    expect(await engine.tasksOf(other)).toEqual(others)
  },
  90_000,
)

test('both tracks are still ready, and nothing is left behind', async () => {
  expect(await engine.query('select stage from tracks')).toEqual([{ stage: 'ready' }, { stage: 'ready' }])
  expect(await engine.leftFiles()).toEqual([])
  await engine.assertConsistent()
})

/** The tasks of a stage, and all the others. */
function split(tasks: Readonly<Record<string, TaskRow>>, stage: string): [TaskRow[], TaskRow[]] {
  const all = Object.values(tasks)
  return [all.filter((task) => task.stage === stage), all.filter((task) => task.stage !== stage)]
}
