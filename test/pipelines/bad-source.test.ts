import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { TrackSource } from '../../worker/db/tables.ts'
import { runFfmpeg } from '../../worker/media/ffmpeg/run.ts'
import { download } from '../../worker/pipelines/track/download.ts'
import { noise, silence, tone, writeTruncatedFlac, writeWav } from '../support/sound.ts'
import { startVendor, type Vendor } from '../support/vendor.ts'
import { createTrackEngine, type TaskRow, type TrackEngine } from './track-engine.ts'

// 127.0.0.2 stands for the public internet; everything else on this machine is refused as it is in production.
vi.mock(import('../../worker/net/download.ts'), async (original) => {
  const real = await original()
  return { ...real, downloadUrl: real.createDownload({ allowAddress: (address) => address === '127.0.0.2' }) }
})

const SHORT = { seconds: 1, sampleRateHz: 16_000, channels: 1 }
const UNUSUAL = `it's a "song"; $(touch x) -i 🎤\n%s.wav`

let engine: TrackEngine
let folder: string
let media: string
let outside: Vendor
let inside: Vendor
let endless: ReturnType<typeof createServer>
let unusable: Readonly<Record<string, number>>
let odd: Readonly<Record<string, number>>
let tasks: Readonly<Record<string, Readonly<Record<string, TaskRow>>>>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain bad '))
  media = join(folder, 'media')
  engine = await createTrackEngine({
    MEDIA_PATHS: media,
    MAX_SONG_SECONDS: '60',
    MAX_UPLOAD_BYTES: '2000000',
    DOWNLOAD_TIMEOUT_SECONDS: '2',
    HEAVY_CONCURRENCY: '3',
  })
  const song = await makeFiles()
  await startServers(song)
  unusable = await submitAll(await unusableSources())
  odd = await submitAll(await oddSources())
  // Nobody encodes: what is looked at here comes before.
  await engine.startWorker({ WORKER_QUEUES: 'light,lookup,heavy' })
  const isSettled = `select 1 where not exists (select from tasks t join stages s on s.pipeline = t.pipeline and s.name = t.stage
    where s.queue <> 'encode' and t.status in ('pending', 'running'))`
  await engine.until(isSettled, [], 170)
  const all = Object.entries({ ...unusable, ...odd })
  tasks = Object.fromEntries(
    await Promise.all(all.map(async ([name, id]) => [name, await engine.tasksOf(id)] as const)),
  )
}, 200_000)
afterAll(async () => {
  endless?.closeAllConnections()
  endless?.close()
  await Promise.all([outside?.close(), inside?.close(), engine?.close()])
  await rm(folder, { recursive: true, force: true })
})

const file = (name: string) => join(folder, name)
const path = (name: string): TrackSource => ({ kind: 'path', path: join(media, name) })
const url = (address: string): TrackSource => ({ kind: 'url', url: address })

/** What can never become a song, by name: what is expected of the error. */
const faults: Readonly<Record<string, readonly [kind: string, message: RegExp, attempts?: number]>> = {
  'nothing at all': ['BLOCKED', /has no audio source: submit it again/],
  'an empty file': ['INVALID_INPUT', /“empty\.mp3” is empty; send the whole file/],
  'text called mp3': ['INVALID_INPUT', /“shopping list\.mp3”.*not audio or video in a known format/],
  'half a FLAC': ['INVALID_INPUT', /“half\.flac” is cut short: it says 4\.0 s, .* send the whole file/],
  'a WAV without samples': ['INVALID_INPUT', /“header\.wav”/],
  'a picture that moves without sound': ['INVALID_INPUT', /expected a file with sound, mute\.mp4 has none/],
  'a song that is too long': ['INVALID_INPUT', /at most 60 s of sound \(MAX_SONG_SECONDS\), long\.wav has 61 s/],
  'a file that is too large': ['INVALID_INPUT', /at most 2000000 bytes \(MAX_UPLOAD_BYTES\).* large\.wav has \d+/],
  'an upload whose file is gone': ['INVALID_INPUT', /“gone\.mp3” .*upload it again/],
  'a folder': ['INVALID_INPUT', /existing file under one of the folders in MEDIA_PATHS/],
  'a file that is missing': ['INVALID_INPUT', /existing file under one of the folders in MEDIA_PATHS/],
  'a file outside': ['INVALID_INPUT', /existing file under one of the folders in MEDIA_PATHS/],
  'a file outside by two dots': ['INVALID_INPUT', /existing file under one of the folders in MEDIA_PATHS/],
  'a link to a file outside': ['INVALID_INPUT', /existing file under one of the folders in MEDIA_PATHS/],
  'a link to a folder outside': ['INVALID_INPUT', /existing file under one of the folders in MEDIA_PATHS/],
  'a folder whose name begins the same': ['INVALID_INPUT', /existing file under one of the folders in MEDIA_PATHS/],
  'a URL of this machine': ['INVALID_INPUT', /127\.0\.0\.1 is not on the public internet/],
  'a URL of localhost': ['INVALID_INPUT', /localhost is not on the public internet/],
  'a URL of a file': ['INVALID_INPUT', /expected an http or https URL, got file:/],
  'a URL with a password': ['INVALID_INPUT', /a URL with a user name or password is not fetched/],
  'a redirect to this machine': ['INVALID_INPUT', /127\.0\.0\.1 is not on the public internet/],
  'a redirect to a private network': ['INVALID_INPUT', /169\.254\.169\.254 is not on the public internet/],
  'a redirect to a file': ['INVALID_INPUT', /expected an http or https URL, got file:/],
  'redirects in a circle': ['INVALID_INPUT', /redirects more than 5 times/],
  'a URL that is not there': ['INVALID_INPUT', /answered 404: expected 200 and a file; check the URL/],
  'a body that never ends': ['PROVIDER_UNAVAILABLE', /took longer than 2 s/, 3],
  'a body that is too large': ['INVALID_INPUT', /too large/],
  'a server that fails': ['PROVIDER_UNAVAILABLE', /answered 503/, 3],
}

test.each(Object.keys(faults))('%s fails with an error that says what to do', (name) => {
  const [kind, message, attempts = 1] = faults[name]
  const { download: task, align, separate } = tasks[name]
  expect([align, separate]).toEqual([undefined, undefined])
  expect(task.error_message).toMatch(message)
  expect(task).toMatchObject({ status: 'failed', attempts, output: null })
  expect(task.error_details).toMatchObject({ kind, retryable: attempts > 1 })
  const told = JSON.stringify([task.error_message, task.error_details])
  for (const secret of [engine.folder, folder, 'hunter2']) expect(told).not.toContain(secret)
})

test('every unusable source is covered', () => {
  expect(Object.keys(unusable).sort()).toEqual(Object.keys(faults).sort())
})

test('servers that must not be reached are not reached', () => {
  expect(inside.requests).toEqual([])
})

test('odd names do no harm: the song is taken, its name is a name', async () => {
  for (const name of Object.keys(odd)) {
    const { download: task, separate } = tasks[name]
    expect([task.status, task.error_message], name).toEqual(['completed', null])
    expect(separate.status, name).toBe('completed')
    const { source, audio } = download.output.parse(task.output)
    expect(source.sizeBytes).toBe((await readFile(engine.artifacts.pathOf(source.sha256))).length)
    expect(audio.name).toBe('audio.flac')
    expect(source.name).not.toBe('audio.flac')
    expect(source.name.length).toBeLessThanOrEqual(200)
    expect(source.name).not.toMatch(/[/\\\p{Cc}]/u)
  }
  expect(download.output.parse(tasks['a file called like a command'].download.output).source.name).toBe(
    UNUSUAL.replace('\n', ' '),
  )
})

test('nothing is left behind, and nothing lies outside the store', async () => {
  expect(await engine.leftFiles()).toEqual([])
  expect((await readdir(engine.folder)).sort()).toEqual(['artifacts', 'work'])
  const known = await engine.query<{ sha256: string }>('select sha256 from artifacts')
  const stored = (await readdir(join(engine.folder, 'artifacts'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
  expect(stored.sort()).toEqual(known.map(({ sha256 }) => sha256).sort())
})

/** @returns a short song */
async function makeFiles(): Promise<Buffer> {
  await mkdir(media)
  await mkdir(file('media-private'))
  const song = join(media, 'song.wav')
  await writeWav(song, tone(SHORT))
  await writeWav(join(media, 'audio.flac'), tone(SHORT, 330))
  await writeWav(join(media, UNUSUAL), tone(SHORT, 220))
  await writeWav(file('song.wav'), tone(SHORT))
  await writeWav(file('media-private/song.wav'), tone(SHORT))
  await symlink(file('song.wav'), join(media, 'link.wav'))
  await symlink(file('media-private'), join(media, 'shelf'))
  await writeFile(join(media, 'empty.mp3'), '')
  await writeFile(file('list.mp3'), 'milk\nbread\n'.repeat(100))
  await writeTruncatedFlac(file('half.flac'), noise({ ...SHORT, seconds: 4 }))
  await writeWav(join(media, 'header.wav'), silence({ ...SHORT, seconds: 0 }))
  await writeWav(join(media, 'long.wav'), silence({ seconds: 61, sampleRateHz: 8_000, channels: 1 }))
  await writeFile(join(media, 'large.wav'), Buffer.alloc(2_000_001))
  const mute = join(media, 'mute.mp4')
  await runFfmpeg(['-f', 'lavfi', '-i', 'color=size=64x64:duration=1', '-pix_fmt', 'yuv420p', mute], {
    signal: AbortSignal.timeout(30_000),
  })
  return await readFile(song)
}

async function startServers(song: Buffer): Promise<void> {
  const to = (location: string) => () => ({ status: 302, headers: { location } })
  inside = await startVendor({ 'GET /**': () => ({ body: song }) })
  outside = await startVendor(
    {
      'GET /inside': to(`${inside.url}/song.wav`),
      'GET /metadata': to('http://169.254.169.254/latest/meta-data'),
      'GET /file': to('file:///etc/passwd'),
      'GET /circle': to('/circle'),
      'GET /large': () => ({ body: Buffer.alloc(2_000_001) }),
      'GET /broken': () => ({ status: 503 }),
      'GET /songs/**': () => ({ body: song }),
    },
    '127.0.0.2',
  )
  endless = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'audio/mpeg' })
    const drip = setInterval(() => response.write('la '), 50)
    response.on('close', () => clearInterval(drip))
  })
  await new Promise<void>((resolve) => endless.listen(0, '127.0.0.2', resolve))
}

async function unusableSources(): Promise<Readonly<Record<string, TrackSource | null>>> {
  const { port } = endless.address() as AddressInfo
  return {
    'nothing at all': null,
    'an empty file': path('empty.mp3'),
    'text called mp3': await engine.upload(file('list.mp3'), 'shopping list.mp3'),
    'half a FLAC': await engine.upload(file('half.flac'), 'half.flac'),
    'a WAV without samples': path('header.wav'),
    'a picture that moves without sound': path('mute.mp4'),
    'a song that is too long': path('long.wav'),
    'a file that is too large': path('large.wav'),
    'an upload whose file is gone': { kind: 'upload', sha256: '0'.repeat(64), name: 'gone.mp3' },
    'a folder': { kind: 'path', path: media },
    'a file that is missing': path('nowhere.wav'),
    'a file outside': { kind: 'path', path: file('song.wav') },
    'a file outside by two dots': { kind: 'path', path: `${media}/../song.wav` },
    'a link to a file outside': path('link.wav'),
    'a link to a folder outside': path('shelf/song.wav'),
    'a folder whose name begins the same': { kind: 'path', path: file('media-private/song.wav') },
    'a URL of this machine': url(`${inside.url}/song.wav`),
    'a URL of localhost': url(`${inside.url.replace('127.0.0.1', 'localhost')}/song.wav`),
    'a URL of a file': url(`file://${media}/song.wav`),
    'a URL with a password': url(outside.url.replace('//', '//me:hunter2@')),
    'a redirect to this machine': url(`${outside.url}/inside`),
    'a redirect to a private network': url(`${outside.url}/metadata`),
    'a redirect to a file': url(`${outside.url}/file`),
    'redirects in a circle': url(`${outside.url}/circle`),
    'a URL that is not there': url(`${outside.url}/nothing`),
    'a body that never ends': url(`http://127.0.0.2:${port}/song.mp3`),
    'a body that is too large': url(`${outside.url}/large`),
    'a server that fails': url(`${outside.url}/broken`),
  }
}

async function oddSources(): Promise<Readonly<Record<string, TrackSource>>> {
  return {
    'a file called like ours': path('audio.flac'),
    'a file called like a command': path(UNUSUAL),
    'a URL with a zero byte': url(`${outside.url}/songs/song.wav%00`),
    'a URL with a path in its name': url(`${outside.url}/songs/..%2F..%2F..%2Fetc%2Fpasswd`),
    'a URL with bytes that are no text': url(`${outside.url}/songs/%ff%fe.wav`),
    'a URL that ends with a slash': url(`${outside.url}/songs/`),
    'a URL with an endless name': url(`${outside.url}/songs/${'x'.repeat(3_000)}.${'y'.repeat(400)}`),
    'an upload with a path for a name': await engine.upload(join(media, 'song.wav'), '../../"x"\n🎤.wav'),
  }
}

async function submitAll(sources: Readonly<Record<string, TrackSource | null>>): Promise<Record<string, number>> {
  const ids: Record<string, number> = {}
  for (const [name, source] of Object.entries(sources)) ids[name] = await engine.submit({ title: name, source })
  return ids
}
