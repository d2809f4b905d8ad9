import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readAss } from '../../worker/media/ass.ts'
import { decodePcm } from '../../worker/media/ffmpeg/pcm.ts'
import { probe } from '../../worker/media/ffmpeg/probe.ts'
import { parseLrc } from '../../worker/media/lrc.ts'
import { readLyricsJson } from '../../worker/media/lyrics-json.ts'
import { align } from '../../worker/pipelines/track/align.ts'
import { clip } from '../../worker/pipelines/track/clip.ts'
import { download } from '../../worker/pipelines/track/download.ts'
import { enhance } from '../../worker/pipelines/track/enhance.ts'
import { packageLyrics } from '../../worker/pipelines/track/package.ts'
import { render } from '../../worker/pipelines/track/render.ts'
import { segment } from '../../worker/pipelines/track/segment.ts'
import { separate } from '../../worker/pipelines/track/separate.ts'
import { noise, silence, tone, writeWav } from '../support/sound.ts'
import { writeExcerpt } from './excerpt.ts'
import { createTrackEngine, statuses, type TaskRow, type TrackEngine } from './track-engine.ts'

const TITLE = `"It's" {\\b1} \\N ../../x %s\n🎤 [00:01.00] <b>`
const ARTISTS = ['O’Hara, "Äöü"', '../..', '🎤']
const OTHER_LYRICS = `I wandered lonely as a cloud
That floats on high over vales and hills
When all at once I saw a crowd
A host of golden daffodils`
const signal = AbortSignal.timeout(600_000)

let folder: string
let engine: TrackEngine
let ids: Record<'silence' | 'surround' | 'long' | 'emoji' | 'blank' | 'style' | 'first' | 'second' | 'foreign', number>
let tasks: Readonly<Record<keyof typeof ids, Readonly<Record<string, TaskRow>>>>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain bad '))
  engine = await createTrackEngine({ HEAVY_CONCURRENCY: '2' })
  const upload = async (name: string, sound: Parameters<typeof writeWav>[1]) => {
    await writeWav(join(folder, name), sound)
    return await engine.upload(join(folder, name), name)
  }
  const quiet = await upload('quiet.wav', silence({ seconds: 2, sampleRateHz: 8_000, channels: 1 }))
  const surround = await upload('surround.wav', noise({ seconds: 2, sampleRateHz: 96_000, channels: 6 }))
  const long = await upload('long.wav', tone({ seconds: 41, sampleRateHz: 22_050, channels: 1 }))
  const same = await upload('same.wav', tone({ seconds: 2, sampleRateHz: 48_000, channels: 1 }))
  const excerpt = join(folder, 'excerpt.wav')
  await writeExcerpt(excerpt)
  const sung = await engine.upload(excerpt, 'excerpt.wav')
  const twin = { source: same, title: 'Twin', lyrics: 'La la la\nLa la' }
  ids = {
    foreign: await engine.submit({ source: sung, lyrics: OTHER_LYRICS }),
    long: await engine.submit({ source: long }),
    silence: await engine.submit({ source: quiet }),
    surround: await engine.submit({
      source: surround,
      title: TITLE,
      artists: ARTISTS,
      lyrics: 'Oh "oh" {oh}\n[oh] <oh>',
    }),
    emoji: await engine.submit({ source: quiet, lyrics: '🎵🎶\n♪ ♫\n[00:01.00]🎤' }),
    blank: await engine.submit({ source: quiet, lyrics: ' \n\t\n\u200b' }),
    style: await engine.submit({
      source: quiet,
      style: { sungColour: 'red', colour: '#ffffff', fontPath: '/etc/passwd' },
    }),
    first: await engine.submit(twin),
    second: await engine.submit(twin),
  }
  await engine.startWorker({ WORKER_QUEUES: 'light,lookup,heavy' })
  await engine.until(
    `select 1 where not exists (select from tasks t join stages s on s.pipeline = t.pipeline and s.name = t.stage
       where s.queue <> 'encode' and t.status in ('pending', 'running'))`,
    [],
    200,
  )
  // Encoding takes longest: of what looks the same, one is drawn.
  await engine.query(
    `update tasks set status = 'canceled', reason = 'not looked at'
     where status = 'pending' and subject_id = any($1) and stage in ('screens', 'render')`,
    [[ids.foreign, ids.long, ids.emoji, ids.blank, ids.first]],
  )
  await engine.startWorker({ WORKER_QUEUES: 'encode' })
  await engine.untilIdle('track', 200)
  tasks = Object.fromEntries(
    await Promise.all(Object.entries(ids).map(async ([name, id]) => [name, await engine.tasksOf(id)])),
  )
}, 420_000)
afterAll(async () => {
  await engine?.close()
  await rm(folder, { recursive: true, force: true })
})

const stageOf = async (name: keyof typeof ids) =>
  (await engine.query<{ stage: string }>('select stage from tracks where id = $1', [ids[name]]))[0].stage
const pathOf = (artifact: { sha256: string }) => engine.artifacts.pathOf(artifact.sha256)
const WITHOUT_LYRICS = {
  sources: 'skipped',
  enrich: 'skipped',
  download: 'completed',
  align: 'skipped',
  normalize: 'skipped',
  translate: 'skipped',
  separate: 'completed',
  enhance: 'completed',
  screens: 'completed',
  render: 'completed',
  package: 'skipped',
  karaoke_lines: 'skipped',
  publish: 'skipped',
  register_clip: 'skipped',
  encrypt: 'skipped',
  prove_access: 'skipped',
  promote: 'skipped',
  populate_work: 'skipped',
  mint_work: 'skipped',
}
const NOT_DRAWN = { screens: 'canceled', render: 'canceled' }

test('silence at 8 kHz without lyrics becomes all that silence can be', async () => {
  expect(statuses(tasks.silence)).toEqual({ ...WITHOUT_LYRICS, segment: 'skipped', clip: 'skipped' })
  expect(await stageOf('silence')).toBe('ready')
  const { sampleRateHz, channels, durationMs, loudnessLufs } = download.output.parse(tasks.silence.download.output)
  expect({ sampleRateHz, channels, durationMs, loudnessLufs }).toEqual({
    sampleRateHz: 44_100,
    channels: 1,
    durationMs: 2_000,
    loudnessLufs: null,
  })
  const stems = separate.output.parse(tasks.silence.separate.output)
  const made = enhance.output.parse(tasks.silence.enhance.output)
  for (const artifact of [stems.vocals, stems.instrumental, made.audio]) {
    const [samples] = await decodePcm(pathOf(artifact), { sampleRateHz, channels: 1, signal })
    expect(samples.length).toBe(2 * 44_100)
    expect(samples.every((sample) => Math.abs(sample) < 1e-4)).toBe(true)
  }
  expect(made.loudnessLufs).toBeNull()
  const { video } = render.output.parse(tasks.silence.render.output)
  const { durationSeconds } = await probe(pathOf(video), { signal })
  expect(Math.abs(durationSeconds - 10)).toBeLessThan(0.05)
})

test('a song too short for a clip says so, and every skipped stage says why', () => {
  const reasons = Object.fromEntries(Object.entries(tasks.silence).map(([name, task]) => [name, task.reason]))
  expect(reasons).toMatchObject({
    segment: 'the song lasts 2.0 s, a clip at least 40 s (CLIP_MIN_SECONDS)',
    clip: 'the song is too short for a clip',
    align: 'the track has no lyrics',
    normalize: 'the track has no lyrics',
    package: 'the track has no lyrics',
    karaoke_lines: 'the track has no lyrics',
  })
  expect(reasons.translate).toBeTruthy()
})

test('without lyrics a song that is long enough still becomes stems and a clip', async () => {
  const done = { segment: 'completed', clip: 'completed', publish: 'completed' }
  expect(statuses(tasks.long)).toEqual({ ...WITHOUT_LYRICS, ...NOT_DRAWN, ...done })
  expect(await stageOf('long')).toBe('ready')
  const chosen = segment.output.parse(tasks.long.segment.output)
  const made = clip.output.parse(tasks.long.clip.output)
  expect(chosen.startMs).toBe(0)
  expect(made.lyrics).toBeNull()
  const { durationSeconds } = await probe(pathOf(made.audio), { signal })
  expect(durationSeconds).toBeGreaterThanOrEqual(40)
  expect(durationSeconds).toBeLessThan(41.1)
  expect(await engine.query('select start_ms, end_ms, clip_cid from karaoke_segments')).toEqual([
    { start_ms: 0, end_ms: chosen.endMs, clip_cid: made.audio.sha256 },
  ])
})

test('surround at 96 kHz is mixed to stereo at 48 kHz, within full scale', async () => {
  const { sampleRateHz, channels, durationMs, audio } = download.output.parse(tasks.surround.download.output)
  expect({ sampleRateHz, channels, durationMs }).toEqual({ sampleRateHz: 48_000, channels: 2, durationMs: 2_000 })
  const [left, right] = await decodePcm(pathOf(audio), { sampleRateHz, channels, signal })
  for (const samples of [left, right]) {
    const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
    expect(peak).toBeGreaterThan(0.1)
    expect(peak).toBeLessThan(0.99)
  }
})

test('quotes, brackets, line breaks and emoji in names and lyrics harm no file', async () => {
  const { screens, render: video, package: files } = tasks.surround
  expect([screens.status, video.status, files.status]).toEqual(['completed', 'completed', 'completed'])
  const { lyrics } = align.output.parse(tasks.surround.align.output)
  const made = packageLyrics.output.parse(files.output)
  const read = async (artifact: { sha256: string }) => await readFile(pathOf(artifact), 'utf8')
  const json = readLyricsJson(await read(made.json))
  expect(json).toEqual({ lyrics, metadata: { title: TITLE, artist: ARTISTS.join(', ') } })
  expect(readAss(await read(made.ass)).lines.map((line) => line.text)).toEqual(lyrics.lines.map((line) => line.text))
  const lrc = parseLrc(await read(made.lineLrc))
  expect(lrc.lines.map((line) => line.text)).toEqual(lyrics.lines.map((line) => line.text))
  expect(lrc.metadata.ar).toBe(ARTISTS.join(', '))
})

test.each(['emoji', 'blank'] as const)(
  'lyrics of nothing but signs (%s) are no lyrics: the rest is made',
  async (name) => {
    expect(statuses(tasks[name])).toEqual({ ...WITHOUT_LYRICS, ...NOT_DRAWN, segment: 'skipped', clip: 'skipped' })
    expect(tasks[name].align.reason).toBe('the lyrics hold no words')
    expect(await stageOf(name)).toBe('ready')
  },
)

test('the lyrics of another song are placed all the same, and the low confidence shows', () => {
  const { confidence, wordCount, lyrics } = align.output.parse(tasks.foreign.align.output)
  expect(confidence).toBeLessThan(0.3)
  expect(wordCount).toBe(OTHER_LYRICS.split(/\s+/).length)
  expect(lyrics.lines.map((line) => line.text)).toEqual(OTHER_LYRICS.split('\n'))
})

test('a wrong style fails only what is drawn, and names every wrong field', async () => {
  const { screens, render: video, ...others } = tasks.style
  for (const task of [screens, video]) {
    expect(task).toMatchObject({ status: 'failed', attempts: 1, output: null })
    expect(task.error_details).toMatchObject({ kind: 'INVALID_INPUT', retryable: false })
    expect(task.error_message).toMatch(/sungColour: expected a colour like #ffd21f/)
    expect(task.error_message).toMatch(/colour/)
    expect(task.error_message).toMatch(/fontPath/)
  }
  for (const task of Object.values(others)) expect(task.status).toMatch(/completed|skipped/)
  expect(await stageOf('style')).toBe('ready')
})

test('two tracks of the same song at once both complete, and share their files', async () => {
  const lyric = ['align', 'normalize', 'package', 'karaoke_lines']
  for (const name of ['first', 'second'] as const) {
    for (const [stage, task] of Object.entries(tasks[name])) {
      expect(task.error_message, stage).toBeNull()
      expect(task.attempts, stage).toBeLessThanOrEqual(1)
      expect(task.status, stage).not.toBe('failed')
      if (lyric.includes(stage)) expect(task.status, stage).toBe('completed')
    }
    expect(await stageOf(name)).toBe('ready')
  }
  for (const stage of ['download', 'align', 'separate', 'enhance', 'package']) {
    expect(tasks.first[stage].output, stage).toEqual(tasks.second[stage].output)
  }
  const shared = await engine.query<{ tasks: number }>(
    `select count(*)::int as tasks from task_artifacts a join tasks t on t.id = a.task_id
     where t.subject_id = any($1) and a.name = 'vocals.flac' group by a.sha256`,
    [[ids.first, ids.second]],
  )
  expect(shared).toEqual([{ tasks: 2 }])
})

test('nothing is left behind', async () => {
  expect(await engine.leftFiles()).toEqual([])
  await engine.assertConsistent()
})
