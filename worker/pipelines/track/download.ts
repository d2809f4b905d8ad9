import { join } from 'node:path'
import { eq } from 'drizzle-orm'
import { z } from 'zod'
import type { Config } from '../../config.ts'
import { songAudio, tracks } from '../../db/tables.ts'
import { Artifact } from '../../engine/artifact.ts'
import { InvalidInput } from '../../errors.ts'
import { decodeSong } from '../../media/ffmpeg/decode.ts'
import { measureLoudness } from '../../media/ffmpeg/loudness.ts'
import { type Probe, probe } from '../../media/ffmpeg/probe.ts'
import { fetchSource, sayName } from './fetch-source.ts'
import { trackStage } from './subject.ts'

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

const AUDIO_NAME = 'audio.flac'

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
    const fetched = await fetchSource(context, AUDIO_NAME)
    progress(0.3)
    const facts = await probe(fetched.path, { signal }).catch((error: unknown) => {
      throw sayName(error, fetched)
    })
    const audio = assertSong(facts, fetched.name, config)
    const path = join(workspacePath, AUDIO_NAME)
    const shape = {
      sampleRateHz: audio.sampleRateHz % 48_000 === 0 ? 48_000 : 44_100,
      channels: Math.min(audio.channels, 2),
    }
    await decodeSong(fetched.path, path, shape, {
      signal,
      onProgress: (fraction) => progress(0.3 + fraction * 0.4),
      durationSeconds: facts.durationSeconds,
    })
    const decoded = await probe(path, { signal })
    assertSong(decoded, fetched.name, config)
    const loudness = await measureLoudness(path, { signal })
    progress(0.9)
    return {
      source: await fetched.keep(),
      audio: await context.keep(path, { name: AUDIO_NAME, contentType: 'audio/flac' }),
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
    await transaction
      .insert(songAudio)
      .values({ trackId: track.id, ...row })
      .onConflictDoUpdate({ target: songAudio.trackId, set: row })
    await transaction.update(tracks).set({ durationMs: output.durationMs }).where(eq(tracks.id, track.id))
  },
})

/** Something to sing to: sound, of a length we take. */
function assertSong(facts: Probe, name: string, config: Config) {
  if (!facts.audio) throw new InvalidInput(`expected a file with sound, ${name} has none`)
  if (!(facts.durationSeconds > 0))
    throw new InvalidInput(`expected a song, ${name} holds no sound that can be decoded`)
  if (facts.durationSeconds > config.MAX_SONG_SECONDS) {
    throw new InvalidInput(
      `expected at most ${config.MAX_SONG_SECONDS} s of sound (MAX_SONG_SECONDS), ${name} has ${Math.round(facts.durationSeconds)} s`,
    )
  }
  return facts.audio
}
