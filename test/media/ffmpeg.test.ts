import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { InvalidInput, MediaFailed } from '../../worker/errors.ts'
import { parseArguments } from '../../worker/media/ffmpeg/arguments.ts'
import { ffmpegFailure, redact } from '../../worker/media/ffmpeg/failure.ts'
import { locateFfmpeg } from '../../worker/media/ffmpeg/find.ts'
import { leash } from '../../worker/media/ffmpeg/leash.ts'
import { writeFlac } from '../../worker/media/ffmpeg/pcm.ts'
import { probe } from '../../worker/media/ffmpeg/probe.ts'
import { runFfmpeg } from '../../worker/media/ffmpeg/run.ts'

const { signal } = new AbortController()
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-ffmpeg-'))
  await writeFlac(join(folder, 'tone.flac'), { sampleRateHz: 8_000, channels: 1, bitDepth: 16, signal }, [
    tone(8_000 * 20),
  ])
})

afterAll(() => rm(folder, { recursive: true, force: true }))

function tone(length: number): Float32Array {
  return Float32Array.from({ length }, (_, index) => 0.5 * Math.sin((2 * Math.PI * 440 * index) / 8_000))
}

test('ffmpeg is found with its filters and encoders, and says whether it is an old build', async () => {
  const ffmpeg = await locateFfmpeg({ PATH: '' })
  expect(ffmpeg.source).toBe('bundled')
  expect(ffmpeg.isLegacy).toBe(true)
  expect([...ffmpeg.filters]).toEqual(expect.arrayContaining(['ass', 'loudnorm', 'color', 'ebur128']))
  expect([...ffmpeg.encoders]).toEqual(expect.arrayContaining(['libx264', 'aac', 'flac']))
})

test('a configured ffmpeg that does not work is an error, not a silent fallback', async () => {
  await expect(locateFfmpeg({ FFMPEG_PATH: join(folder, 'nowhere') })).rejects.toThrow(/FFMPEG_PATH.*no such file/)
  await expect(locateFfmpeg({ FFMPEG_PATH: process.execPath })).rejects.toThrow(InvalidInput)
  const { ffmpegPath } = await locateFfmpeg({ PATH: '' })
  await expect(locateFfmpeg({ FFMPEG_PATH: ffmpegPath, FFPROBE_PATH: '/nowhere' })).rejects.toThrow(/FFPROBE_PATH/)
  await expect(locateFfmpeg({ FFMPEG_PATH: ffmpegPath })).resolves.toMatchObject({ source: 'configured', ffmpegPath })
})

test('every untrusted input gets both whitelists, and paths become file URLs', () => {
  const { inputs, outputs } = parseArguments(
    ['-ss', '1', '-i', '-rf.mp3', '-map', '0:a', '/out/a.wav', '/out/b.flac'],
    ['/out/a.wav'],
  )
  const [protocols, formats] = ['-protocol_whitelist', '-format_whitelist'].map((name) => {
    const { options } = inputs[0]!
    return options[options.indexOf(name) + 1]
  })
  expect(protocols).toBe('file,pipe')
  expect(formats).not.toMatch(/concat|hls|image2|ass|srt/)
  expect(inputs[0]).toMatchObject({ source: 'file:-rf.mp3' })
  expect(inputs[0]!.options.slice(-2)).toEqual(['-ss', '1'])
  expect(outputs.map(({ path, options }) => ({ path, options }))).toEqual([
    { path: '/out/a.wav', options: ['-map', '0:a'] },
    { path: '/out/b.flac', options: [] },
  ])
  expect(outputs[0]!.target).toMatch(/^file:\/out\/\.[\w-]+\.part\.wav$/)
})

test('a failure names the cause without folders or credentials', () => {
  expect(redact("file:/srv/my songs/a.mp3: Invalid argument '/etc/x/y.txt'", ['/srv/my songs/a.mp3'])).toBe(
    "file:a.mp3: Invalid argument 'y.txt'",
  )
  expect(redact('https://user:secret@host/x', [])).not.toContain('secret')
  expect(ffmpegFailure('writing “a”', ['x: No space left on device'], [])).toMatchObject({ retryable: true })
})

test.runIf(process.platform !== 'win32')('the leash caps the address space and passes arguments untouched', () => {
  const hostile = ['$(id)', 'a\'b"c', '`x`', '-n', 'new\nline', '']
  const { command, args } = leash('/bin/sh', ['-c', 'ulimit -v; printf "%s|" "$@"', 'sh', ...hostile])
  const [limit, ...rest] = execFileSync(command, args, { encoding: 'utf8' }).split('\n')
  expect(Number(limit)).toBeGreaterThan(4_000_000)
  expect(rest.join('\n')).toBe(`${hostile.join('|')}|`)
})

test.each(['it\'s "odd" %d [x]; a:b,c \\ 😀', '-leading dash', 'new\nline'])(
  'a file in a folder named %j can be read and written',
  async (name) => {
    const odd = join(folder, name)
    await mkdir(odd)
    const path = join(odd, `${name}.wav`)
    await runFfmpeg(['-i', join(folder, 'tone.flac'), '-t', '1', path], { signal })
    expect((await probe(path, { signal })).durationSeconds).toBeCloseTo(1, 3)
    expect(await readdir(odd)).toEqual([`${name}.wav`])
  },
)

test('playlists and other tricks are refused, whatever their name', async () => {
  const secret = join(folder, 'tone.flac')
  const tricks = {
    concat: `ffconcat version 1.0\nfile '${secret}'\n`,
    hls: `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${secret}\n`,
    subtitle: '1\n00:00:01,000 --> 00:00:02,000\nhello\n',
    sdp: 'v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n',
  }
  for (const [name, text] of Object.entries(tricks)) {
    const path = join(folder, `${name}.mp3`)
    await writeFile(path, text)
    await expect(runFfmpeg(['-i', path, join(folder, 'stolen.wav')], { signal }), name).rejects.toThrow(MediaFailed)
  }
  await expect(runFfmpeg(['-i', 'http://127.0.0.1:9/a.mp3', join(folder, 'stolen.wav')], { signal })).rejects.toThrow(
    /does not exist/,
  )
  expect(await readdir(folder)).not.toContain('stolen.wav')
})

test('a failed run leaves neither a partial file nor the old one damaged', async () => {
  const path = join(folder, 'kept.wav')
  await writeFile(path, 'old')
  await expect(runFfmpeg(['-i', join(folder, 'tone.flac'), '-c:a', 'nonsense', path], { signal })).rejects.toThrow(
    MediaFailed,
  )
  expect(await readFile(path, 'utf8')).toBe('old')
  expect((await readdir(folder)).filter((name) => name.includes('.part'))).toEqual([])
})

test('an abort ends the child before the promise settles, and removes what it wrote', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  const run = runFfmpeg(['-re', '-i', join(folder, 'tone.flac'), join(folder, 'slow.wav')], {
    signal: controller.signal,
  })
  await new Promise((resolve) => setTimeout(resolve, 300))
  controller.abort(reason)
  await expect(run).rejects.toBe(reason)
  expect(await readdir(folder)).not.toContain('slow.wav')
  expect((await readdir(folder)).filter((name) => name.includes('.part'))).toEqual([])
  expect(await children()).toEqual([])
  await expect(runFfmpeg(['-i', 'a', 'b.wav'], { signal: controller.signal })).rejects.toBe(reason)
})

test('a run that takes too long is ended and says so', async () => {
  await expect(
    runFfmpeg(['-re', '-i', join(folder, 'tone.flac'), join(folder, 'late.wav')], { signal, timeoutSeconds: 0.4 }),
  ).rejects.toThrow(/“late.wav” took longer than the 0.4 s allowed/)
  expect(await children()).toEqual([])
})

test('progress rises to 1 and never beyond, also when the length was guessed too short', async () => {
  const fractions: number[] = []
  await runFfmpeg(['-re', '-i', join(folder, 'tone.flac'), '-t', '1.5', join(folder, 'p.wav')], {
    signal,
    durationSeconds: 1,
    onProgress: (fraction) => fractions.push(fraction),
  })
  expect(fractions.at(-1)).toBe(1)
  expect(fractions.length).toBeGreaterThan(1)
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b))
})

/** Command names of this process's children, where the system tells. */
async function children(): Promise<string[]> {
  const path = `/proc/${process.pid}/task/${process.pid}/children`
  const ids = (await readFile(path, 'utf8').catch(() => '')).split(' ').filter(Boolean)
  const names = await Promise.all(ids.map((id) => readFile(`/proc/${id}/comm`, 'utf8').catch(() => '')))
  return names.map((name) => name.trim()).filter((name) => name === 'ffmpeg' || name === 'sh')
}
