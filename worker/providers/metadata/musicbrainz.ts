import { z } from 'zod'
import { createMusicbrainzClient, musicbrainzVariables } from '../../net/musicbrainz.ts'
import { defineProvider } from '../capability.ts'
import { parseDate, parseIsrc } from './codes.ts'
import { contactVariable, userAgent } from './contact.ts'
import type { MetadataSource } from './contract.ts'
import { findRecording, type Recording } from './recording.ts'

/** MusicBrainz: the recording, its artists, the works it performs and where it was first released. */
export const musicbrainz = defineProvider({
  name: 'musicbrainz',
  environment: z.object({ METADATA_CONTACT: contactVariable, ...musicbrainzVariables }),
  create: (settings, { http }): MetadataSource => {
    const client = createMusicbrainzClient(settings, http, userAgent(settings.METADATA_CONTACT))
    return {
      async lookUp(track, { signal }) {
        const recording = await findRecording(client, track, signal)
        if (!recording) return { noMatch: 'MusicBrainz knows no such recording' }
        return {
          source: 'musicbrainz',
          data: {
            recordingId: recording.id,
            title: recording.title,
            artists: (recording['artist-credit'] ?? []).map(({ artist }) => ({ id: artist.id, name: artist.name })),
            works: (recording.relations ?? []).flatMap(({ work }) =>
              work ? [{ id: work.id, title: work.title }] : [],
            ),
            isrc: parseIsrc(recording.isrcs?.[0]),
            album: albumOf(recording),
            releaseDate: parseDate(recording['first-release-date']),
          },
        }
      },
    }
  },
})

/** The title of the earliest official album, rather than of a compilation or a single. */
function albumOf({ releases }: Recording): string | null {
  const albums = (releases ?? []).filter((release) => {
    const group = release['release-group']
    return release.status === 'Official' && group?.['primary-type'] === 'Album' && !group['secondary-types']?.length
  })
  const [first] = albums.toSorted((a, b) => ((a.date || '9999') < (b.date || '9999') ? -1 : 1))
  return first?.title || null
}
