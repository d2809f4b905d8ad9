import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import { karaokeSegments } from '../../db/tables.ts'
import { Artifact } from '../../engine/artifact.ts'
import { MediaFailed } from '../../errors.ts'
import { cutAudio } from '../../media/ffmpeg/encode.ts'
import { probe } from '../../media/ffmpeg/probe.ts'
import { cutLyrics } from '../../media/lyrics.ts'
import { writeLyricsJson } from '../../media/lyrics-json.ts'
import { assertClipBounds } from '../../media/segment.ts'
import { align } from './align.ts'
import { download } from './download.ts'
import { enhance } from './enhance.ts'
import { clipConfig, segment } from './segment.ts'
import { trackStage } from './subject.ts'

const Clip = z.object({
  audio: Artifact,
  /** Word timings of the clip, from its own start; null without lyrics. */
  lyrics: Artifact.nullable(),
  startMs: z.number().int().min(0),
  endMs: z.number().int().positive(),
  durationMs: z.number().int().positive(),
})

const FADE_SECONDS = 0.3
const BIT_RATE = 192_000
/** AAC frames and rounding: how far the file's length may be from the segment's. */
const LENGTH_SLACK_MS = 60

/** Cuts the public clip out of the enhanced accompaniment, with the word timings that belong to it. Never encrypted. */
export const clip = trackStage({
  name: 'clip',
  description: 'Cuts the public clip, with its word timings',
  after: [download, segment, enhance, align],
  output: Clip,
  canSkip: true,
  milestone: 'ready',
  queue: 'heavy',
  weight: 2,
  async run({ download, segment, enhance, align }, context) {
    if (segment === null) return context.skip('the song is too short for a clip')
    const { config, subject, signal, workspacePath } = context
    const { startMs, endMs } = segment
    assertClipBounds(startMs, endMs, clipConfig(config))
    const path = join(workspacePath, 'clip.m4a')
    await cutAudio(
      await context.open(enhance.audio),
      path,
      {
        startSeconds: startMs / 1000,
        durationSeconds: (endMs - startMs) / 1000,
        fadeInSeconds: startMs === 0 ? 0 : FADE_SECONDS,
        fadeOutSeconds: endMs === download.durationMs ? 0 : FADE_SECONDS,
      },
      { format: 'm4a', sampleRateHz: download.sampleRateHz, channels: download.channels, bitRate: BIT_RATE },
      { signal, onProgress: context.progress },
    )
    const durationMs = Math.round((await probe(path, { signal })).durationSeconds * 1000)
    if (Math.abs(durationMs - (endMs - startMs)) > LENGTH_SLACK_MS) {
      throw new MediaFailed(`expected a clip of ${endMs - startMs} ms, ffmpeg made one of ${durationMs} ms`)
    }
    return {
      audio: await context.keep(path, { name: 'clip.m4a', contentType: 'audio/mp4' }),
      lyrics: align ? await keepLyrics(align.lyrics) : null,
      startMs,
      endMs,
      durationMs,
    }

    async function keepLyrics(lyrics: NonNullable<typeof align>['lyrics']): Promise<Artifact> {
      const path = join(workspacePath, 'clip.json')
      await writeFile(
        path,
        writeLyricsJson(cutLyrics(lyrics, startMs, endMs), {
          title: subject.title,
          artist: subject.artists.join(', '),
        }),
      )
      return await context.keep(path, { name: 'clip.json', contentType: 'application/json' })
    }
  },
  async record(output, transaction, track) {
    await transaction
      .update(karaokeSegments)
      .set({
        clipCid: output.audio.sha256,
        clipUrl: `/artifacts/${output.audio.sha256}/clip.m4a`,
        updatedAt: new Date(),
      })
      .where(and(eq(karaokeSegments.trackId, track.id), eq(karaokeSegments.segmentIndex, 0)))
  },
})
