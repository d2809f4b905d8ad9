import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { songAudio } from '../../db/tables.ts'
import { Artifact } from '../../engine/artifact.ts'
import { separate } from './separate.ts'
import { trackStage } from './subject.ts'

const Enhanced = z.object({
  audio: Artifact,
  method: z.string(),
  loudnessLufs: z.number().nullable(),
  truePeakDbtp: z.number().nullable(),
})

/** Makes the accompaniment fit to sing to: less vocal residue, loudness on target, peaks limited; same length as before. */
export const enhance = trackStage({
  name: 'enhance',
  description: 'Treats the accompaniment: less vocal residue, loudness on target, peaks limited',
  after: [separate],
  output: Enhanced,
  milestone: 'enhanced',
  queue: 'heavy',
  weight: 10,
  async run({ separate }, context) {
    const enhanced = await context.providers.enhancement.enhance({
      instrumentalPath: await context.open(separate.instrumental),
      vocalsPath: await context.open(separate.vocals),
      workspacePath: context.workspacePath,
      onProgress: context.progress,
      signal: context.signal,
    })
    return {
      audio: await context.keep(enhanced.audioPath, { name: 'instrumental-enhanced.flac', contentType: 'audio/flac' }),
      method: enhanced.method,
      loudnessLufs: enhanced.loudnessLufs,
      truePeakDbtp: enhanced.truePeakDbtp,
    }
  },
  async record(output, transaction, track) {
    await transaction
      .update(songAudio)
      .set({ enhancedCid: output.audio.sha256, updatedAt: new Date() })
      .where(eq(songAudio.trackId, track.id))
  },
})
