import { and, eq, isNull, or, sql } from 'drizzle-orm'
import type { Transaction } from '../../db/client.ts'
import { trackMetadata, tracks } from '../../db/tables.ts'
import { Metadata } from '../../providers/metadata/contract.ts'
import { sources } from './sources.ts'
import { trackStage } from './subject.ts'

const UNIQUE_VIOLATION = '23505'

/** Asks one source what it knows of the track. Runs beside the work on the audio, which never waits for it. */
export const enrich = trackStage({
  name: 'enrich',
  description: 'Asks outside sources about the track, one task for each source',
  after: [sources],
  each: { of: sources, path: 'sources' },
  output: Metadata,
  canSkip: true,
  queue: 'lookup',
  weight: 0,
  async run(_inputs, context) {
    const { subject, providers, task, signal } = context
    // Asked for by hand, the marker that stands for no sources runs too.
    if (task.item === '') return context.skip('no source was configured for the track: run the stage sources again')
    const source = providers.metadata.get(task.item)
    if (!source) return context.skip(`${task.item} is not among the configured sources (METADATA_SOURCES)`)
    const found = await source.lookUp(subject, { signal })
    if ('noMatch' in found) return context.skip(found.noMatch)
    return found
  },
  async record(output, transaction, track) {
    const row = { data: output.data, updatedAt: new Date() }
    await transaction
      .insert(trackMetadata)
      .values({ trackId: track.id, source: output.source, ...row })
      .onConflictDoUpdate({ target: [trackMetadata.trackId, trackMetadata.source], set: row })
    await fillGaps(transaction, track.id, output)
  },
})

/** Fills what the track itself does not say. What it says stays: it was submitted, or came from the source that answered first. */
async function fillGaps(transaction: Transaction, trackId: number, { data }: Metadata): Promise<void> {
  const known = {
    isrc: 'isrc' in data ? data.isrc : null,
    album: 'album' in data ? data.album : null,
    releaseDate: 'releaseDate' in data ? data.releaseDate : null,
    primaryArtistId: 'spotifyTrackId' in data ? data.artists[0].id : null,
  }
  const names = (Object.keys(known) as (keyof typeof known)[]).filter((name) => known[name] !== null)
  if (names.length > 0) {
    const filled = names.map((name) => [name, sql`coalesce(${tracks[name]}, ${known[name]})`])
    await transaction
      .update(tracks)
      .set({ ...Object.fromEntries(filled), updatedAt: new Date() })
      .where(and(eq(tracks.id, trackId), or(...names.map((name) => isNull(tracks[name])))))
  }
  if ('spotifyTrackId' in data) {
    await fillSpotifyId(transaction, trackId, data.spotifyTrackId)
    const artists = data.artists.map(({ id, name }) => ({ id, name }))
    await transaction
      .update(tracks)
      .set({ artists, primaryArtistName: artists[0].name })
      .where(and(eq(tracks.id, trackId), sql`${tracks.artists} = '[]'`))
  }
}

/** Another track may have been submitted by this very id, perhaps at this moment: then this one goes without. */
async function fillSpotifyId(transaction: Transaction, trackId: number, spotifyTrackId: string): Promise<void> {
  await transaction.execute(sql`savepoint spotify_id`)
  try {
    await transaction
      .update(tracks)
      .set({ spotifyTrackId })
      .where(and(eq(tracks.id, trackId), isNull(tracks.spotifyTrackId)))
  } catch (error) {
    const cause = error instanceof Error ? error.cause : null
    if (!(cause instanceof Error && 'code' in cause && cause.code === UNIQUE_VIOLATION)) throw error
    await transaction.execute(sql`rollback to savepoint spotify_id`)
  }
}
