import { z } from 'zod'
import type { Config } from '../../config.ts'
import { karaokeSegments } from '../../db/tables.ts'
import { type ClipConfig, selectClip } from '../../media/segment.ts'
import { align } from './align.ts'
import { download } from './download.ts'
import { trackStage } from './subject.ts'

const Segment = z.object({
  startMs: z.number().int().min(0),
  endMs: z.number().int().positive(),
  method: z.enum(['deterministic', 'ai']),
  reasons: z.array(z.string()),
})

/** Chooses the stretch that is shared in public: whole sections from the start of the song, 40 to 100 s long. */
export const segment = trackStage({
  name: 'segment',
  description: 'Chooses the stretch of the song that becomes the public clip',
  after: [download, align],
  output: Segment,
  canSkip: true,
  milestone: 'segmented',
  queue: 'heavy',
  weight: 2,
  async run({ download, align }, context) {
    const { config, providers } = context
    if (download.durationMs < config.CLIP_MIN_SECONDS * 1000) {
      return context.skip(
        `the song lasts ${(download.durationMs / 1000).toFixed(1)} s, a clip at least ${config.CLIP_MIN_SECONDS} s (CLIP_MIN_SECONDS)`,
      )
    }
    const request = {
      lines: align?.lyrics.lines ?? [],
      durationMs: download.durationMs,
      config: clipConfig(config),
    }
    const clip = selectClip({ ...request, sections: [] })
    if (clip.isNatural)
      return { startMs: clip.startMs, endMs: clip.endMs, method: clip.method, reasons: [...clip.reasons] }
    // The lyrics alone give no good place to stop: listen to the song's structure.
    const { sections } = await providers.structure.analyze({
      audioPath: await context.open(download.audio),
      onProgress: context.progress,
      signal: context.signal,
    })
    const heard = selectClip({ ...request, sections })
    return { startMs: heard.startMs, endMs: heard.endMs, method: heard.method, reasons: [...heard.reasons] }
  },
  async record(output, transaction, track) {
    const row = {
      startMs: output.startMs,
      endMs: output.endMs,
      metadata: { method: output.method, reasons: output.reasons },
      updatedAt: new Date(),
    }
    await transaction
      .insert(karaokeSegments)
      .values({ trackId: track.id, segmentIndex: 0, ...row })
      .onConflictDoUpdate({ target: [karaokeSegments.trackId, karaokeSegments.segmentIndex], set: row })
  },
})

/** The clip's bounds as configured. */
export function clipConfig(config: Config): ClipConfig {
  return {
    minSeconds: config.CLIP_MIN_SECONDS,
    maxSeconds: config.CLIP_MAX_SECONDS,
    introSeconds: config.CLIP_INTRO_SECONDS,
  }
}
