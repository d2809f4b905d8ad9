import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { InvalidInput } from '../../worker/errors.ts'
import { decodePcm, writeFlac } from '../../worker/media/ffmpeg/pcm.ts'
import { probe } from '../../worker/media/ffmpeg/probe.ts'
import { openPipe, runFfmpeg } from '../../worker/media/ffmpeg/run.ts'
import type { TimedLyrics } from '../../worker/media/lyrics.ts'
import { drawingsOf, type Karaoke, karaokeArguments, renderKaraoke } from '../../worker/media/video/karaoke.ts'
import { DEFAULT_STYLE, filterValue } from '../../worker/media/video/picture.ts'
import { remuxArguments, remuxKaraoke } from '../../worker/media/video/remux.ts'
import { renderEndScreen, renderTitleScreen } from '../../worker/media/video/screen.ts'

const { signal } = new AbortController()
const RATE = 48_000
const TIMES = { titleSeconds: 0.5, songSeconds: 2, endSeconds: 0.5 }
const LYRICS: TimedLyrics = {
  language: 'en',
  lines: [
    {
      text: 'WWWWWW',
      startMs: 500,
      endMs: 1_500,
      words: [{ text: 'WWWWWW', startMs: 500, endMs: 1_500, confidence: null }],
    },
  ],
}
let folder: string
let karaoke: Karaoke

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "refrain's [video]; a,b-"))
  const instrumentalPath = join(folder, 'song.flac')
  // Silence, then from 1 s on a tone, on one channel.
  const song = Float32Array.from({ length: RATE * 2 }, (_, index) =>
    index < RATE ? 0 : 0.5 * Math.sin((2 * Math.PI * 440 * index) / RATE),
  )
  await writeFlac(instrumentalPath, { sampleRateHz: RATE, channels: 1, bitDepth: 16, signal }, [song])
  karaoke = {
    instrumentalPath,
    lyrics: LYRICS,
    title: 'The Title',
    artist: 'The Artist',
    style: DEFAULT_STYLE,
    titleSeconds: TIMES.titleSeconds,
    endSeconds: TIMES.endSeconds,
    workspacePath: folder,
    outputs: [
      { width: 320, height: 180, framesPerSecond: 30, path: join(folder, 'wide.mp4') },
      { width: 160, height: 90, framesPerSecond: 15, path: join(folder, 'small.mp4') },
      { width: 90, height: 160, framesPerSecond: 30, path: join(folder, 'tall.mov') },
    ],
  }
  expect(await renderKaraoke(karaoke, { signal })).toEqual(TIMES)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const output = (name: string) => join(folder, name)

test('one drawing serves all sizes of one shape, and each shape has its own', () => {
  const drawings = drawingsOf([
    { width: 1280, height: 720, framesPerSecond: 30, path: 'hd' },
    { width: 3840, height: 2160, framesPerSecond: 30, path: '4k' },
    { width: 720, height: 1280, framesPerSecond: 25, path: 'tall' },
  ])
  expect(drawings).toMatchObject([
    { width: 3840, height: 2160, framesPerSecond: 15, outputs: [{ path: 'hd' }, { path: '4k' }] },
    { width: 720, height: 1280, framesPerSecond: 25, outputs: [{ path: 'tall' }] },
  ])
  expect(() => drawingsOf([])).toThrow(InvalidInput)
  expect(() => drawingsOf([{ width: 321, height: 180, framesPerSecond: 30, path: 'a' }])).toThrow(/321×180/)
})

test('all files come from one graph that draws the text once and splits it', () => {
  const outputs = [
    { width: 640, height: 360, framesPerSecond: 30, path: '/out/a.mp4' },
    { width: 320, height: 180, framesPerSecond: 30, path: '/out/b.mp4' },
  ]
  const args = karaokeArguments({
    karaoke: { instrumentalPath: '/in.flac', outputs, style: DEFAULT_STYLE },
    times: { titleSeconds: 2, songSeconds: 10, endSeconds: 3 },
    isMono: false,
    drawings: drawingsOf(outputs),
    assPaths: ['/w/k.ass'],
    fontsFolder: '/w/fonts',
    backgroundInput: [],
  })
  const codec = [
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '20', '-pix_fmt', 'yuv420p', '-profile:v', 'high'],
    ...['-r', '30', '-g', '60', '-c:a', 'aac', '-b:a', '192k', '-ar', '48000', '-ac', '2'],
    ...['-map_metadata', '-1', '-movflags', '+faststart'],
  ]
  expect(args).toEqual([
    '-i',
    '/in.flac',
    '-filter_complex',
    [
      'color=c=0x101733:s=640x360:r=30,trim=end_frame=1,format=yuv420p,loop=loop=-1:size=1:start=0,setpts=N/(30*TB),' +
        'trim=end_frame=450,ass=filename=/w/k.ass:fontsdir=/w/fonts,split=2[d0_0][d0_1]',
      '[d0_0]fps=30,trim=end_frame=450,setsar=1[v0]',
      '[d0_1]fps=30,trim=end_frame=450,scale=320:180:flags=bicubic,setsar=1[v1]',
      '[0:a:0]aresample=48000:rematrix_maxval=1,aformat=channel_layouts=stereo,adelay=2000|2000,' +
        'apad=whole_len=720000,atrim=end_sample=720000,asplit=2[a0][a1]',
    ].join(';'),
    ...['-map', '[v0]', '-map', '[a0]', ...codec, '/out/a.mp4'],
    ...['-map', '[v1]', '-map', '[a1]', ...codec, '/out/b.mp4'],
  ])
})

test.each([
  ['wide.mp4', 320, 180, 30],
  ['small.mp4', 160, 90, 15],
  ['tall.mov', 90, 160, 30],
])('%s has its size, its rate, and lasts title + song + end', async (name, width, height, framesPerSecond) => {
  const video = await probe(output(name), { signal })
  expect(video).toMatchObject({
    video: { codec: 'h264', width, height, framesPerSecond, pixelFormat: 'yuv420p' },
    audio: { codec: 'aac', sampleRateHz: RATE, channels: 2 },
  })
  expect(Math.abs(video.durationSeconds - 3)).toBeLessThanOrEqual(1 / framesPerSecond)
  expect((await frames(output(name), width, height)).length).toBe(3 * framesPerSecond)
})

test('the song starts when the title ends, on both sides at full level', async () => {
  const sides = await decodePcm(output('wide.mp4'), { sampleRateHz: RATE, channels: 2, signal })
  for (const side of sides) {
    const onset = side.findIndex((sample) => Math.abs(sample) > 0.2)
    expect(Math.abs(onset / RATE - 1.5)).toBeLessThan(0.005)
    const tone = side.subarray(1.7 * RATE, 2.3 * RATE)
    expect(tone.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0)).toBeCloseTo(0.5, 1)
    expect(side.subarray(2.6 * RATE, 2.9 * RATE).every((sample) => Math.abs(sample) < 0.01)).toBe(true)
  }
})

test('the index stands in front, so that playing starts before the download ends', async () => {
  const bytes = await readFile(output('wide.mp4'))
  expect(bytes.indexOf('moov')).toBeGreaterThan(0)
  expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'))
})

test('the words fill from left to right while they are sung', async () => {
  const pictures = await frames(output('wide.mp4'), 320, 180)
  // The word is sung from 1.0 s to 2.0 s of the video. Yellow has much red and little blue; white has both.
  const sung = (seconds: number) => yellowShare(pictures[Math.round(seconds * 30)]!)
  expect(sung(0.95)).toBeLessThan(0.02)
  expect(Math.abs(sung(1.25) - 0.25)).toBeLessThan(0.08)
  expect(Math.abs(sung(1.5) - 0.5)).toBeLessThan(0.08)
  expect(Math.abs(sung(1.75) - 0.75)).toBeLessThan(0.08)
  expect(sung(2.05)).toBeGreaterThan(0.93)
})

test('title and end are drawn', async () => {
  const pictures = await frames(output('wide.mp4'), 320, 180)
  for (const seconds of [0.25, 2.75]) expect(bright(pictures[Math.floor(seconds * 30)]!)).toBeGreaterThan(300)
})

test('a song without lyrics gets a plain screen, and a picture behind it', async () => {
  const image = output('back.png')
  await runFfmpeg(['-f', 'lavfi', '-i', 'testsrc=s=64x64:d=1', '-frames:v', '1', image], { signal })
  const path = output('plain.mp4')
  await renderKaraoke(
    {
      ...karaoke,
      lyrics: null,
      titleSeconds: 0,
      style: { ...DEFAULT_STYLE, background: { imagePath: image } },
      outputs: [{ width: 160, height: 90, framesPerSecond: 10, path }],
    },
    { signal },
  )
  const pictures = await frames(path, 160, 90)
  expect(pictures.length).toBe(25)
  expect(bright(pictures[10]!)).toBeGreaterThan(50)
  expect(new Set(pictures[10]!.subarray(0, 160 * 3)).size).toBeGreaterThan(20)
  await expect(
    renderKaraoke(
      { ...karaoke, style: { ...DEFAULT_STYLE, background: { imagePath: karaoke.instrumentalPath } } },
      { signal },
    ),
  ).rejects.toThrow(/PNG or JPEG/)
})

test('another sound goes under the same picture without loss', async () => {
  const before = await frames(output('wide.mp4'), 320, 180)
  const outputs = [
    { path: output('pcm.mp4'), audio: 'pcm' },
    { path: output('flac.mkv'), audio: 'flac' },
    { path: output('aac.mp4'), audio: 'aac' },
  ] as const
  const remux = { videoPath: output('wide.mp4'), instrumentalPath: karaoke.instrumentalPath, times: TIMES, outputs }
  await remuxKaraoke(remux, { signal })
  const [song] = await decodePcm(karaoke.instrumentalPath, { sampleRateHz: RATE, channels: 1, signal })
  for (const { path, audio } of outputs) {
    const made = await probe(path, { signal })
    expect(made.audio?.codec).toBe({ pcm: 'pcm_s24le', flac: 'flac', aac: 'aac' }[audio])
    expect(made.durationSeconds).toBeCloseTo(3, 1)
    if (audio === 'aac') continue
    const sides = await decodePcm(path, { sampleRateHz: RATE, channels: 2, signal })
    for (const side of sides) expect(side.subarray(0.5 * RATE, 2.5 * RATE)).toEqual(song)
    expect(Buffer.concat(await frames(path, 320, 180)).equals(Buffer.concat(before))).toBe(true)
  }
  expect(remuxArguments(remux, { sampleRateHz: RATE, isMono: true })).toContain('copy')
})

test('title and end screens are QuickTime files of the asked length', async () => {
  const screen = {
    ...{ title: '夜に駆ける', artist: '', style: DEFAULT_STYLE, workspacePath: folder },
    ...{ width: 320, height: 180, framesPerSecond: 30, durationSeconds: 1.5 },
  }
  await renderTitleScreen({ ...screen, path: output('title.mov') }, { signal })
  await renderEndScreen({ ...screen, path: output('end.mov') }, { signal })
  for (const name of ['title.mov', 'end.mov']) {
    const { durationSeconds, tags, video, audio } = await probe(output(name), { signal })
    expect(durationSeconds).toBeCloseTo(1.5, 2)
    expect(tags.major_brand).toBe('qt')
    expect([video?.codec, audio?.codec]).toEqual(['h264', 'aac'])
    expect(bright((await frames(output(name), 320, 180))[22]!)).toBeGreaterThan(100)
  }
})

test('colours that are none are refused before anything runs', async () => {
  const hostile = { ...DEFAULT_STYLE, background: { colour: 'red,movie=/etc/passwd' } }
  await expect(renderKaraoke({ ...karaoke, style: hostile }, { signal })).rejects.toThrow(/expected a colour/)
})

test('an abort leaves no video behind', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  const outputs = [{ width: 320, height: 180, framesPerSecond: 30, path: output('gone.mp4') }]
  const run = renderKaraoke(
    { ...karaoke, endSeconds: 600, outputs },
    { signal: controller.signal, onProgress: () => controller.abort(reason) },
  )
  await expect(run).rejects.toBe(reason)
  expect((await readdir(folder)).filter((name) => name.includes('.part') || name === 'gone.mp4')).toEqual([])
})

test('paths are escaped for filters', () => {
  expect(filterValue("/a b/it's:[x],y;z\\")).toBe("/a b/it\\\\\\'s\\\\:\\[x\\]\\,y\\;z\\\\\\\\")
})

/** Every picture of a video as rgb24. */
async function frames(path: string, width: number, height: number): Promise<Uint8Array[]> {
  const pipe = openPipe()
  const run = runFfmpeg(['-i', path, '-map', '0:v', '-pix_fmt', 'rgb24', '-f', 'rawvideo', 'pipe:1'], {
    signal,
    stdout: pipe,
  })
  const chunks: Uint8Array[] = []
  for await (const chunk of pipe) chunks.push(chunk)
  await run
  const bytes = Buffer.concat(chunks)
  const size = width * height * 3
  return Array.from({ length: bytes.length / size }, (_, index) => bytes.subarray(index * size, (index + 1) * size))
}

function bright(picture: Uint8Array): number {
  let count = 0
  for (let at = 0; at < picture.length; at += 3) if (picture[at]! > 180 && picture[at + 1]! > 150) count++
  return count
}

/** Share of the bright pixels that are yellow. */
function yellowShare(picture: Uint8Array): number {
  let yellow = 0
  for (let at = 0; at < picture.length; at += 3) {
    if (picture[at]! > 180 && picture[at + 1]! > 150 && picture[at + 2]! < 140) yellow++
  }
  return yellow / bright(picture)
}
