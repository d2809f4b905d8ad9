import { z } from 'zod'
import { createMusicbrainzClient, musicbrainzVariables } from '../../net/musicbrainz.ts'
import { defineProvider } from '../capability.ts'
import { parseIswc } from './codes.ts'
import { contactVariable, userAgent } from './contact.ts'
import type { MetadataSource } from './contract.ts'
import { findRecording } from './recording.ts'

const Work = z.object({
  id: z.string(),
  title: z.string(),
  iswcs: z.array(z.string()).nullish(),
  relations: z
    .array(z.object({ type: z.string(), artist: z.object({ id: z.string(), name: z.string() }).nullish() }))
    .nullish(),
})

const WRITERS = new Set(['writer', 'composer', 'lyricist', 'librettist'])
/** A medley performs many works; a song one, seldom two. */
const MOST_WORKS = 5

/** Discovers the International Standard Musical Work Code of the work a track performs, and who wrote it, in MusicBrainz. */
export const iswc = defineProvider({
  name: 'iswc',
  environment: z.object({ METADATA_CONTACT: contactVariable, ...musicbrainzVariables }),
  create: (settings, { http }): MetadataSource => {
    const client = createMusicbrainzClient(settings, http, userAgent(settings.METADATA_CONTACT))
    return {
      async lookUp(track, { signal }) {
        const recording = await findRecording(client, track, signal)
        if (!recording) return { noMatch: 'MusicBrainz knows no such recording' }
        const works = (recording.relations ?? []).flatMap(({ work }) => work ?? []).slice(0, MOST_WORKS)
        if (works.length === 0) return { noMatch: 'MusicBrainz does not say which work the recording performs' }
        for (const { id } of works) {
          const work = await client.read(`/work/${id}`, { inc: 'artist-rels' }, Work, signal)
          const iswcs = (work?.iswcs ?? []).map(parseIswc).filter((code) => code !== null)
          if (!work || iswcs.length === 0) continue
          const writers = (work.relations ?? []).flatMap(({ type, artist }) =>
            artist && WRITERS.has(type) ? [{ id: artist.id, name: artist.name, role: type }] : [],
          )
          return { source: 'iswc', data: { iswc: iswcs[0], iswcs, workId: work.id, title: work.title, writers } }
        }
        return { noMatch: 'MusicBrainz knows the work but no ISWC of it' }
      },
    }
  },
})
