import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { songAudio } from '../../db/tables.ts'
import { Artifact } from '../../engine/artifact.ts'
import { download } from './download.ts'
import { trackStage } from './subject.ts'

const Stems = z.object({ vocals: Artifact, instrumental: Artifact, method: z.string() })

/** Splits the mix into vocals and accompaniment. Both stems keep the mix's length and sample rate, and sum to it. */
export const separate = trackStage({
  name: 'separate',
  description: 'Splits the mix into vocals and accompaniment',
  after: [download],
  output: Stems,
  milestone: 'separated',
  queue: 'heavy',
  weight: 20,
  async run({ download }, context) {
    const separated = await context.providers.separation.separate({
      audioPath: await context.open(download.audio),
      workspacePath: context.workspacePath,
      onProgress: context.progress,
      signal: context.signal,
    })
    return {
      vocals: await context.keep(separated.vocalsPath, { name: 'vocals.flac', contentType: 'audio/flac' }),
      instrumental: await context.keep(separated.instrumentalPath, {
        name: 'instrumental.flac',
        contentType: 'audio/flac',
      }),
      method: separated.method,
    }
  },
  async record(output, transaction, track) {
    await transaction
      .update(songAudio)
      .set({
        vocalsCid: output.vocals.sha256,
        instrumentalCid: output.instrumental.sha256,
        separationMethod: output.method,
        updatedAt: new Date(),
      })
      .where(eq(songAudio.trackId, track.id))
  },
})
