import { copyFile, realpath, stat } from 'node:fs/promises'
import { basename, extname, join, resolve, sep } from 'node:path'
import { eq } from 'drizzle-orm'
import { z } from 'zod'
import type { Config } from '../../config.ts'
import { songAudio, tracks } from '../../db/tables.ts'
import { Artifact } from '../../engine/artifact.ts'
import type { Context } from '../../engine/context.ts'
import { Blocked, InvalidInput } from '../../errors.ts'
import { decodeSong } from '../../media/ffmpeg/decode.ts'
import { measureLoudness } from '../../media/ffmpeg/loudness.ts'
import { type Probe, probe } from '../../media/ffmpeg/probe.ts'
import { downloadUrl } from '../../net/download.ts'
import { type Track, trackStage } from './subject.ts'

const Downloaded = z.object({
  /** The file as it came. */
  source: Artifact,
  /** The song as every later stage reads it: FLAC, 24 bits, at most two channels, 44.1 or 48 kHz. */
  audio: Artifact,
  format: z.string(),
  codec: z.string(),
  durationMs: z.number().int().positive(),
  sampleRateHz: z.number().int().positive(),
  channels: z.number().int().min(1).max(2),
  bitRate: z.number().int().nullable(),
  loudnessLufs: z.number().nullable(),
  truePeakDbtp: z.number().nullable(),
})

const IDLE_TIMEOUT_MS = 30_000

/** Fetches the song, checks what it is, decodes it once for all later stages and measures its loudness. */
export const download = trackStage({
  name: 'download',
  description: 'Fetches the song, decodes it once and measures its loudness',
  output: Downloaded,
  milestone: 'audio_ready',
  queue: 'heavy',
  weight: 3,
  async run(_inputs, context) {
    const { config, signal, progress, workspacePath } = context
    const fetched = await fetchSource(context)
    progress(0.3)
    const facts = await probe(fetched.path, { signal })
    const audio = assertSong(facts, fetched.name, config)
    const path = join(workspacePath, 'audio.flac')
    const shape = { sampleRateHz: audio.sampleRateHz % 48_000 === 0 ? 48_000 : 44_100, channels: Math.min(audio.channels, 2) }
    await decodeSong(fetched.path, path, shape, { signal, onProgress: (fraction) => progress(0.3 + fraction * 0.4), durationSeconds: facts.durationSeconds })
    const decoded = await probe(path, { signal })
    assertSong(decoded, fetched.name, config)
    const loudness = await measureLoudness(path, { signal })
    progress(0.9)
    return {
      source: await fetched.keep(),
      audio: await context.keep(path, { name: 'audio.flac', contentType: 'audio/flac' }),
      format: facts.formatName,
      codec: audio.codec,
      durationMs: Math.round(decoded.durationSeconds * 1000),
      ...shape,
      bitRate: audio.bitRate === null ? null : Math.round(audio.bitRate),
      loudnessLufs: loudness.integratedLufs,
      truePeakDbtp: loudness.truePeakDbtp,
    }
  },
  async record(output, transaction, track) {
    const row = {
      sourceUrl: track.source?.kind === 'url' ? track.source.url : null,
      sourceCid: output.source.sha256,
      audioCid: output.audio.sha256,
      format: output.format,
      codec: output.codec,
      durationMs: output.durationMs,
      sampleRateHz: output.sampleRateHz,
      channels: output.channels,
      bitRate: output.bitRate,
      loudnessLufs: output.loudnessLufs,
      truePeakDbtp: output.truePeakDbtp,
      updatedAt: new Date(),
    }
    await transaction.insert(songAudio).values({ trackId: track.id, ...row }).onConflictDoUpdate({ target: songAudio.trackId, set: row })
    await transaction.update(tracks).set({ durationMs: output.durationMs }).where(eq(tracks.id, track.id))
  },
})

interface Fetched {
  readonly path: string
  /** As the user knows it. */
  readonly name: string
  keep(): Promise<Artifact>
}

async function fetchSource(context: Context<Track>): Promise<Fetched> {
  const { subject, config, signal, progress, workspacePath } = context
  const source = subject.source
  if (!source) throw new Blocked('the track has no audio source: submit it again with an upload, a path or a URL')
  if (source.kind === 'upload') {
    const path = await context.open(source)
    return { path, name: source.name, keep: () => keepStored(context, source.sha256, source.name) }
  }
  const name = source.kind === 'path' ? basename(source.path) : nameOfUrl(source.url)
  const path = join(workspacePath, `source${extname(name).slice(0, 10)}`)
  if (source.kind === 'path') await copyFile(await assertMediaPath(source.path, config), path)
  else {
    await downloadUrl(source.url, path, {
      maxBytes: config.MAX_UPLOAD_BYTES,
      timeoutMs: config.DOWNLOAD_TIMEOUT_SECONDS * 1000,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      onProgress: (fraction) => progress(fraction * 0.3),
      signal,
    })
  }
  return { path, name, keep: () => context.keep(path, { name, contentType: 'application/octet-stream' }) }
}

async function keepStored(context: Context<Track>, sha256: string, name: string): Promise<Artifact> {
  const { size } = await stat(await context.open({ sha256 }))
  return { sha256, sizeBytes: size, contentType: 'application/octet-stream', name }
}

/**
 * The real path of a file that may be submitted by path.
 *
 * @throws InvalidInput when it lies outside `MEDIA_PATHS`, links included, or does not exist
 */
export async function assertMediaPath(path: string, config: Pick<Config, 'MEDIA_PATHS'>): Promise<string> {
  const allowed = await Promise.all(config.MEDIA_PATHS.map((folder) => realpath(resolve(folder)).catch(() => null)))
  const real = await realpath(path).catch(() => null)
  if (!real || !allowed.some((folder) => folder !== null && real.startsWith(folder.endsWith(sep) ? folder : folder + sep))) {
    throw new InvalidInput('expected an existing file under one of the folders in MEDIA_PATHS: upload the file instead, or allow its folder', {
      details: { field: 'path' },
    })
  }
  return real
}

/** Something to sing to: sound, of a length we take. */
function assertSong(facts: Probe, name: string, config: Config) {
  if (!facts.audio) throw new InvalidInput(`expected a file with sound, ${name} has none`)
  if (!(facts.durationSeconds > 0)) throw new InvalidInput(`expected a song, ${name} holds no sound that can be decoded`)
  if (facts.durationSeconds > config.MAX_SONG_SECONDS) {
    throw new InvalidInput(`expected at most ${config.MAX_SONG_SECONDS} s of sound (MAX_SONG_SECONDS), ${name} has ${Math.round(facts.durationSeconds)} s`)
  }
  return facts.audio
}

function nameOfUrl(url: string): string {
  const last = new URL(url).pathname.split('/').pop() ?? ''
  try {
    return decodeURIComponent(last) || 'song'
  } catch {
    return last || 'song'
  }
}
