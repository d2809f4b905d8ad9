import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Truth } from '../../song/truth.ts'
import { hashFile } from '../../worker/engine/artifacts.ts'
import { rerunStage } from '../../worker/engine/tasks.ts'
import { readAss } from '../../worker/media/ass.ts'
import { measureLoudness } from '../../worker/media/ffmpeg/loudness.ts'
import { decodePcm } from '../../worker/media/ffmpeg/pcm.ts'
import { probe } from '../../worker/media/ffmpeg/probe.ts'
import { parseLrc, readLrc } from '../../worker/media/lrc.ts'
import { readLyricsJson } from '../../worker/media/lyrics-json.ts'
import { checkout } from '../support/test-server.ts'
import { correlation, rounded, sumErrorDb } from './compare.ts'
import { type ArtifactOf, artifactsIn, outputsOf } from './outputs.ts'
import { createTrackEngine, statuses, type TaskRow, type TrackEngine, without } from './track-engine.ts'

const SONG = join(checkout, 'song')
const STAGES = ['audio_ready', 'aligned', 'translated', 'separated', 'segmented', 'enhanced', 'ready']
const UPON_SEGMENT = ['clip', 'encrypt', 'promote', 'prove_access', 'publish', 'register_clip']
const PICTURE = { codec: 'h264', width: 1280, height: 720, framesPerSecond: 30 }
const signal = AbortSignal.timeout(600_000)

let engine: TrackEngine
let trackId: number
let tasks: Readonly<Record<string, TaskRow>>
let outputs: ReturnType<typeof outputsOf>
let truth: Truth

beforeAll(async () => {
  truth = JSON.parse(await readFile(join(SONG, 'truth.json'), 'utf8'))
  engine = await createTrackEngine({ MEDIA_PATHS: SONG, HEAVY_CONCURRENCY: '2' })
  await engine.watchStages()
  await engine.startWorker()
  trackId = await engine.submit({
    source: { kind: 'path', path: join(SONG, 'lantern-road.mp3') },
    title: truth.title,
    artists: [truth.artist],
    lyrics: await readFile(join(SONG, 'lyrics.txt'), 'utf8'),
  })
  await engine.untilIdle('track', 400)
  tasks = await engine.tasksOf(trackId)
  outputs = outputsOf(tasks)
}, 420_000)
afterAll(() => engine?.close())

const pathOf = (artifact: ArtifactOf) => engine.artifacts.pathOf(artifact.sha256)
const textOf = (artifact: ArtifactOf) => readFile(pathOf(artifact), 'utf8')

test('every stage completes in one attempt; what no provider is configured for is skipped, with the reason', async () => {
  const translations = ['translate id', 'translate vi', 'translate zh']
  const metadata = ['sources', 'enrich']
  const onChain = ['register_clip', 'encrypt', 'prove_access', 'promote', 'populate_work', 'mint_work']
  expect(Object.keys(tasks).sort()).toEqual(
    [
      ...['download', 'align', 'normalize', 'separate', 'segment', 'enhance', 'clip', 'screens', 'render', 'package'],
      ...['karaoke_lines', 'publish', ...translations, ...metadata, ...onChain],
    ].sort(),
  )
  for (const [name, task] of Object.entries(tasks)) {
    const isTranslation = translations.includes(name)
    const isSkipped = isTranslation || metadata.includes(name) || onChain.includes(name)
    expect(task, name).toMatchObject({ status: isSkipped ? 'skipped' : 'completed', error_message: null })
    expect(task.runs, name).toBeLessThanOrEqual(1)
    if (isSkipped) expect(task.reason, name).toBeTruthy()
    if (isTranslation) expect(task.reason).toMatch(/needs a language model.*TRANSLATION_PROVIDER/)
  }
  expect(tasks['translate vi'].reason).toContain('English to Vietnamese')
})

test('the stage of the track goes from pending to ready step by step', async () => {
  const moves = await engine.query('select was, became from stage_moves order by id')
  const steps = ['pending', ...STAGES]
  expect(moves).toEqual(STAGES.map((became, at) => ({ was: steps[at], became })))
  const events = await engine.query<{ milestone: string }>(
    `select milestone from task_events where pipeline = 'track' and subject_id = $1 and milestone is not null order by seq`,
    [trackId],
  )
  expect(events.map(({ milestone }) => milestone)).toEqual(STAGES)
  expect(await engine.query('select stage, duration_ms, error_message from tracks')).toEqual([
    { stage: 'ready', duration_ms: 86_700, error_message: null },
  ])
})

test('long tasks report progress that only grows, and every task settles once', async () => {
  const events = await engine.query<{ task_id: number; stage: string; status: string; progress: number }>(
    `select task_id, stage, status, progress from task_events where subject_id = $1 and status is not null order by seq`,
    [trackId],
  )
  for (const task of Object.values(tasks)) {
    const own = events.filter((event) => event.task_id === task.id)
    const running = own.filter((event) => event.status === 'running').map((event) => event.progress)
    expect(running).toEqual(running.toSorted((a, b) => a - b))
    expect(own.filter((event) => event.status === task.status)).toHaveLength(1)
    if (['align', 'separate', 'enhance', 'render'].includes(task.stage)) {
      expect(running.filter((progress) => progress > 0 && progress < 1).length, task.stage).toBeGreaterThan(1)
    }
  }
  await engine.assertConsistent()
})

test('nearly every word is placed within 0.3 s of where it is sung', async () => {
  const words = outputs.align.lyrics.lines.flatMap((line) => line.words)
  expect(words.map((word) => word.text)).toEqual(truth.words.map((word) => word.text))
  const near = words.filter((word, at) => Math.abs(word.startMs / 1000 - truth.words[at].startSeconds) <= 0.3)
  expect(near.length / words.length).toBeGreaterThanOrEqual(0.97)
  expect(outputs.align.confidence).toBeGreaterThan(0.5)
  expect(outputs.align.wordCount).toBe(truth.words.length)
})

test('the stems have the length and rate of the mix, and sum to it', async () => {
  const { audio, sampleRateHz, channels } = outputs.download
  expect({ sampleRateHz, channels }).toEqual({ sampleRateHz: 44_100, channels: 2 })
  const decoded = []
  for (const artifact of [audio, outputs.separate.vocals, outputs.separate.instrumental]) {
    const { audio: facts } = await probe(pathOf(artifact), { signal })
    expect(facts).toMatchObject({ codec: 'flac', sampleRateHz, channels })
    decoded.push(await decodePcm(pathOf(artifact), { sampleRateHz, channels, signal }))
  }
  const [mix, vocals, instrumental] = decoded
  for (const channel of [0, 1]) {
    const [whole, ...parts] = [mix, vocals, instrumental].map((stem) => stem[channel])
    for (const part of parts) expect(part.length).toBe(whole.length)
    expect(sumErrorDb(whole, parts)).toBeLessThan(-80)
  }
})

test('the enhanced accompaniment keeps its length, and is as loud as it should be and no louder', async () => {
  const { audio, loudnessLufs, truePeakDbtp } = outputs.enhance
  const measured = await measureLoudness(pathOf(audio), { signal })
  expect(Math.abs((measured.integratedLufs ?? 0) + 14)).toBeLessThan(1)
  expect(measured.truePeakDbtp).toBeLessThanOrEqual(-1)
  expect(Math.abs((loudnessLufs ?? 0) - (measured.integratedLufs ?? 0))).toBeLessThan(0.2)
  expect(truePeakDbtp).toBeLessThanOrEqual(-1)
  const [before, after] = await Promise.all(
    [outputs.separate.instrumental, audio].map((artifact) => probe(pathOf(artifact), { signal })),
  )
  expect(after.durationSeconds).toBe(before.durationSeconds)
  expect(after.audio).toMatchObject({ sampleRateHz: before.audio?.sampleRateHz, channels: before.audio?.channels })
})

test('the clip lasts 40 to 100 s as measured, from the start of the song, and is what its row says', async () => {
  const [row] = await engine.query<{ start_ms: number; end_ms: number; metadata: unknown; clip_cid: string }>(
    'select start_ms, end_ms, metadata, clip_cid from karaoke_segments where track_id = $1',
    [trackId],
  )
  expect(row.start_ms).toBe(0)
  expect(row.clip_cid).toBe(outputs.clip.audio.sha256)
  expect(row.metadata).toEqual({ method: outputs.segment.method, reasons: outputs.segment.reasons })
  const [clip] = await decodePcm(pathOf(outputs.clip.audio), { sampleRateHz: 44_100, channels: 1, signal })
  const clipMs = (clip.length / 44_100) * 1000
  expect(clipMs).toBeGreaterThanOrEqual(40_000)
  expect(clipMs).toBeLessThanOrEqual(100_000)
  expect(Math.abs(clipMs - (row.end_ms - row.start_ms))).toBeLessThan(60)
  expect(Math.abs(outputs.clip.durationMs - clipMs)).toBeLessThan(60)
  expect(outputs.clip).toMatchObject({ startMs: row.start_ms, endMs: row.end_ms })

  const [song] = await decodePcm(pathOf(outputs.enhance.audio), { sampleRateHz: 44_100, channels: 1, signal })
  expect(correlation(clip, song, 20 * 44_100, 44_100)).toBeGreaterThan(0.95)
})

test("the clip's words are those of the song that are sung in it, from the clip's own start", async () => {
  const { startMs, endMs, lyrics } = outputs.clip
  if (!lyrics) throw new Error('expected the clip to have lyrics')
  const read = readLyricsJson(await textOf(lyrics))
  expect(read.metadata).toMatchObject({ title: truth.title, artist: truth.artist })
  const words = read.lyrics.lines.flatMap((line) => line.words)
  const sung = outputs.align.lyrics.lines.flatMap((line) => line.words)
  const inside = sung.filter((word) => word.endMs > startMs && word.startMs < endMs)
  expect(inside.length).toBeGreaterThan(20)
  expect(words.map((word) => [word.text, word.startMs])).toEqual(inside.map((word) => [word.text, word.startMs]))
  for (const word of words) expect(word.endMs).toBeLessThanOrEqual(endMs - startMs)
})

test('the karaoke video is the title, the song and the thanks, 720p and playable everywhere', async () => {
  const { video, durationMs, songStartMs } = outputs.render
  const facts = await probe(pathOf(video), { signal })
  expect(facts.video).toMatchObject({ ...PICTURE, pixelFormat: 'yuv420p' })
  expect(facts.audio).toMatchObject({ codec: 'aac', channels: 2 })
  expect(Math.abs(facts.durationSeconds - (4 + truth.durationSeconds + 4))).toBeLessThanOrEqual(1 / 30)
  expect(durationMs).toBe(94_700)
  expect(songStartMs).toBe(4_000)
  for (const screen of [outputs.screens.title, outputs.screens.end]) {
    const { video: picture, audio, durationSeconds, formatName } = await probe(pathOf(screen), { signal })
    expect(formatName).toContain('mov')
    expect(picture).toMatchObject(PICTURE)
    expect(audio).toMatchObject({ codec: 'aac' })
    expect(Math.abs(durationSeconds - 4)).toBeLessThanOrEqual(1 / 30)
  }
})

test('every lyrics file reads back as the alignment, as finely as its format tells time', async () => {
  const { lyrics } = outputs.align
  const files = outputs.package
  expect(readLyricsJson(await textOf(files.json)).lyrics).toEqual(lyrics)
  expect(readLrc(await textOf(files.wordLrc))).toEqual(rounded(lyrics, 1))
  expect(readAss(await textOf(files.ass))).toEqual(rounded(lyrics, 10))
  const { metadata, lines } = parseLrc(await textOf(files.lineLrc))
  expect(metadata).toMatchObject({ ti: truth.title, ar: truth.artist, la: 'en' })
  expect(lines).toEqual(lyrics.lines.map(({ text, startMs }) => ({ text, startMs: Math.round(startMs / 10) * 10 })))
})

test('the tables that others read hold what the stages made', async () => {
  const { download, separate, enhance, align, normalize } = outputs
  expect(await engine.query('select * from song_audio where track_id = $1', [trackId])).toMatchObject([
    {
      source_url: null,
      source_cid: download.source.sha256,
      audio_cid: download.audio.sha256,
      format: 'mp3',
      codec: 'mp3',
      duration_ms: 86_700,
      sample_rate_hz: 44_100,
      channels: 2,
      vocals_cid: separate.vocals.sha256,
      instrumental_cid: separate.instrumental.sha256,
      separation_method: separate.method,
      enhanced_cid: enhance.audio.sha256,
    },
  ])
  expect(Math.abs((download.loudnessLufs ?? 0) + 14)).toBeLessThan(1)
  const lyricLines = (await readFile(join(SONG, 'lyrics.txt'), 'utf8')).trim().split('\n')
  expect(normalize.lines).toEqual(lyricLines)
  expect(await engine.query('select normalized_lyrics from lyrics where track_id = $1', [trackId])).toEqual([
    { normalized_lyrics: lyricLines.join('\n') },
  ])
  expect(
    await engine.query('select language, method, word_count, lines from word_alignments where track_id = $1', [
      trackId,
    ]),
  ).toEqual([{ language: 'en', method: align.method, word_count: truth.words.length, lines: align.lyrics.lines }])
  expect(
    await engine.query(
      'select line_index, text, start_ms, end_ms, words from karaoke_lines where track_id = $1 order by line_index',
      [trackId],
    ),
  ).toEqual(
    align.lyrics.lines.map(({ startMs, endMs, ...line }, at) => {
      return { line_index: at, ...line, start_ms: startMs, end_ms: endMs }
    }),
  )
})

test('every file is recorded with the task that made it, its hash and its size, and nothing else is left', async () => {
  const rows = await engine.query<{
    task_id: number
    name: string
    sha256: string
    size_bytes: number
    content_type: string
  }>('select task_id, name, sha256, size_bytes, content_type from task_artifacts join artifacts using (sha256)')
  const told = Object.values(tasks).flatMap((task) =>
    // What is published was kept by the stages that made it; the description is its own.
    artifactsIn(task.stage === 'publish' ? (task.output as { metadata: object }).metadata : task.output).map(
      ({ name, sha256, ...file }) => {
        return { task_id: task.id, name, sha256, size_bytes: file.sizeBytes, content_type: file.contentType }
      },
    ),
  )
  const inOrder = (list: typeof rows) => list.toSorted((a, b) => a.task_id - b.task_id || (a.name < b.name ? -1 : 1))
  expect(told).toHaveLength(15)
  expect(inOrder(rows)).toEqual(inOrder(told))
  for (const { sha256, size_bytes } of rows) {
    expect(await hashFile(engine.artifacts.pathOf(sha256))).toEqual({ sha256, sizeBytes: size_bytes })
  }
  expect(await engine.leftFiles()).toEqual([])
})

test("an operator's update runs exactly that task again", async () => {
  const before = await engine.tasksOf(trackId)
  await engine.query(
    `update audio_tasks set status = 'pending', error_message = null
     where subject_type = 'track' and subject_id = $1 and task_type = 'package'`,
    [trackId],
  )
  await engine.untilIdle('track', 60)
  const after = await engine.tasksOf(trackId)
  expect(after.package).toMatchObject({ id: before.package.id, status: 'completed', attempts: 1, runs: 2 })
  expect(after.package.output).toEqual(before.package.output)
  expect(without(after, ['package'])).toEqual(without(before, ['package']))
  expect(await engine.query('select stage from tracks')).toEqual([{ stage: 'ready' }])
})

test('segment done again, with the clip that stands on it, gives the same and touches nothing else', async () => {
  const before = await engine.tasksOf(trackId)
  const [row] = await engine.query<{ updated_at: Date }>('select * from karaoke_segments')
  await engine.query('delete from stage_moves')
  expect(await rerunStage(engine.client.pool, 'track', trackId, 'segment')).toEqual(['segment', ...UPON_SEGMENT])
  await engine.untilIdle('track', 120)
  const after = await engine.tasksOf(trackId)
  expect(statuses(after)).toEqual(statuses(before))
  expect(after.segment.output).toEqual(before.segment.output)
  expect(after.clip.output).toEqual(before.clip.output)
  const redone = ['segment', ...UPON_SEGMENT]
  expect(without(after, redone)).toEqual(without(before, redone))
  const [again] = await engine.query<{ updated_at: Date }>('select * from karaoke_segments')
  expect({ ...again, updated_at: null }).toEqual({ ...row, updated_at: null })
  expect(again.updated_at.getTime()).toBeGreaterThan(row.updated_at.getTime())
  // Back to what is left without them, then up again: clip alone stands behind `enhanced`.
  const moves = await engine.query<{ became: string }>('select became from stage_moves order by id')
  expect(moves.map(({ became }) => became)).toEqual(['separated', 'segmented', 'enhanced', 'ready'])
  expect(await engine.leftFiles()).toEqual([])
  await engine.assertConsistent()
})
