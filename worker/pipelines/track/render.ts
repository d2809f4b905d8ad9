import { join } from 'node:path'
import { z } from 'zod'
import { Artifact } from '../../engine/artifact.ts'
import { renderKaraoke } from '../../media/video/karaoke.ts'
import { align } from './align.ts'
import { enhance } from './enhance.ts'
import { PICTURE, SCREEN_SECONDS, styleOf } from './style.ts'
import { trackStage } from './subject.ts'

const Video = z.object({
  video: Artifact,
  width: z.number().int(),
  height: z.number().int(),
  durationMs: z.number().int().positive(),
  /** When the song begins in the video: add it to lyric times. */
  songStartMs: z.number().int().min(0),
})

/** Renders the karaoke video: title, lyrics shown ahead with word-by-word fill over the accompaniment, end screen. */
export const render = trackStage({
  name: 'render',
  description: 'Renders the karaoke video',
  after: [align, enhance],
  output: Video,
  queue: 'encode',
  weight: 25,
  timeoutSeconds: 7_200,
  async run({ align, enhance }, context) {
    const { subject, signal, workspacePath } = context
    const path = join(workspacePath, 'karaoke.mp4')
    const { width, height } = PICTURE
    const times = await renderKaraoke(
      {
        title: subject.title,
        artist: subject.artists.join(', '),
        instrumentalPath: await context.open(enhance.audio),
        lyrics: align?.lyrics ?? null,
        style: styleOf(subject),
        titleSeconds: SCREEN_SECONDS,
        endSeconds: SCREEN_SECONDS,
        workspacePath,
        outputs: [{ ...PICTURE, path }],
      },
      { signal, onProgress: context.progress },
    )
    return {
      video: await context.keep(path, { name: 'karaoke.mp4', contentType: 'video/mp4' }),
      width,
      height,
      durationMs: Math.round((times.titleSeconds + times.songSeconds + times.endSeconds) * 1000),
      songStartMs: Math.round(times.titleSeconds * 1000),
    }
  },
})
