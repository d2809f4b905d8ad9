import { and, eq, isNull, or, sql } from 'drizzle-orm'
import type { Transaction } from '../../db/client.ts'
import { trackMetadata, tracks } from '../../db/tables.ts'
import { Metadata } from '../../providers/metadata/contract.ts'
import { sources } from './sources.ts'
import { trackStage } from './subject.ts'

/** Asks one source what it knows of the track. Runs beside the work on the audio, which never waits for it. */
export const enrich = trackStage({
  name: 'enrich',
  description: 'Asks outside sources about the track, one task for each source',
  after: [sources],
  each: { of: sources, path: 'sources' },
  output: Metadata,
  canSkip: true,
  weight: 0,
  async run(_inputs, context) {
    const { subject, providers, task, signal } = context
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
    spotifyTrackId: 'spotifyTrackId' in data ? await unlessTaken(transaction, data.spotifyTrackId) : null,
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
    const artists = data.artists.map(({ id, name }) => ({ id, name }))
    await transaction
      .update(tracks)
      .set({ artists, primaryArtistName: artists[0].name })
      .where(and(eq(tracks.id, trackId), sql`${tracks.artists} = '[]'`))
  }
}

/** Another track may have been submitted by this very id: then this one goes without. */
async function unlessTaken(transaction: Transaction, spotifyTrackId: string): Promise<string | null> {
  const others = await transaction
    .select({ id: tracks.id })
    .from(tracks)
    .where(eq(tracks.spotifyTrackId, spotifyTrackId))
  return others.length === 0 ? spotifyTrackId : null
}
