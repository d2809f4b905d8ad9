import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import { karaokeSegments } from '../../db/tables.ts'
import { clip } from './clip.ts'
import { download } from './download.ts'
import { PublishedFile, publishFile, recordPublished } from './published-file.ts'
import { separate } from './separate.ts'
import { trackStage } from './subject.ts'
import { translate } from './translate.ts'

const Published = z.object({
  clip: PublishedFile,
  /** Null for a song without lyrics. */
  timing: PublishedFile.nullable(),
  /** What the clip is, and where the others are. */
  metadata: PublishedFile,
  translationCount: z.number().int().min(0),
  /** Source and stems, where they are to be stored. */
  intermediates: z.array(PublishedFile),
})

/** Puts the clip, its word timings and its description where everybody can fetch them, and keep on fetching them. */
export const publish = trackStage({
  name: 'publish',
  description: 'Stores the clip, its word timings and its description where everybody can fetch them',
  after: [download, separate, clip, translate],
  output: Published,
  canSkip: true,
  queue: 'lookup',
  weight: 1,
  async run({ download, separate, clip, translate }, context) {
    if (clip === null) return context.skip('the track has no clip')
    const { subject, config, workspacePath, progress } = context
    const deliverable = { isDeliverable: true }
    const audio = await publishFile(context, 'clip', clip.audio, deliverable)
    progress(0.5)
    const timing = clip.lyrics ? await publishFile(context, 'timing', clip.lyrics, deliverable) : null
    const translations = translate.filter((one) => one !== null)
    const path = join(workspacePath, 'clip-metadata.json')
    await writeFile(path, `${JSON.stringify(describe(), null, 2)}\n`)
    const description = await context.keep(path, { name: 'clip-metadata.json', contentType: 'application/json' })
    const metadata = await publishFile(context, 'metadata', description, deliverable)
    progress(0.8)
    const intermediates = []
    if (config.STORE_INTERMEDIATES) {
      const passing = { isDeliverable: false }
      intermediates.push(await publishFile(context, 'source', download.source, passing))
      intermediates.push(await publishFile(context, 'vocals', separate.vocals, passing))
      intermediates.push(await publishFile(context, 'instrumental', separate.instrumental, passing))
    }
    return { clip: audio, timing, metadata, translationCount: translations.length, intermediates }

    function describe() {
      const { title, artists, language, isrc, spotifyTrackId, catalogId } = subject
      return {
        format: 'refrain-clip',
        version: 1,
        title,
        artists,
        language,
        isrc,
        spotifyTrackId,
        catalogId,
        clip: {
          startMs: clip?.startMs,
          endMs: clip?.endMs,
          durationMs: clip?.durationMs,
          uri: audio.uri,
          cid: audio.cid,
          contentType: audio.file.contentType,
          sizeBytes: audio.file.sizeBytes,
        },
        timing: timing ? { uri: timing.uri, cid: timing.cid, contentType: timing.file.contentType } : null,
        translations: translations.map(({ language, lines, method }) => ({ language, lines, method })),
      }
    }
  },
  async record({ clip, timing, metadata, intermediates }, transaction, track) {
    await recordPublished(transaction, track.id, [clip, ...(timing ? [timing] : []), metadata, ...intermediates])
    await transaction
      .update(karaokeSegments)
      .set({ clipUrl: clip.uri, updatedAt: new Date() })
      .where(and(eq(karaokeSegments.trackId, track.id), eq(karaokeSegments.segmentIndex, 0)))
  },
})
