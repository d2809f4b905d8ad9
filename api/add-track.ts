import { eq } from 'drizzle-orm'
import { z } from 'zod'
import type { Config } from '../worker/config.ts'
import type { Client, Transaction } from '../worker/db/client.ts'
import { lyrics, tracks } from '../worker/db/tables.ts'
import { Blocked, Conflict, NotFound } from '../worker/errors.ts'
import type { Catalogue } from '../worker/providers/catalogue/contract.ts'
import { encodeId } from './ids.ts'
import { parseInput } from './input.ts'
import { type TrackRow, trackColumns } from './rows.ts'
import { resolveSource, TrackInput } from './track-input.ts'

/**
 * Submits a song: the track, its lyrics, its first tasks and their jobs are committed together or not at all.
 *
 * @throws InvalidInput, NotFound or Blocked, and then nothing has been written
 */
export async function addTrack(client: Client, config: Config, input: unknown): Promise<TrackRow> {
  const track = parseInput(TrackInput, input)
  return client.database.transaction(async (transaction) => {
    const source = await resolveSource(transaction, track.source, config)
    const [row] = await transaction
      .insert(tracks)
      .values({
        idempotencyKey: track.idempotencyKey ?? null,
        title: track.title,
        artists: track.artists.map((name) => ({ name })),
        primaryArtistName: track.artists[0],
        language: track.language ?? 'en',
        sourceType: source.kind,
        source,
        style: track.style ?? {},
        callbackUrl: track.callbackUrl ?? null,
        metadata: { ...track.metadata, ...audit(track.notes) },
      })
      .onConflictDoNothing({ target: tracks.idempotencyKey })
      .returning(trackColumns)
    if (!row) return submittedBefore(transaction, track.idempotencyKey ?? '')
    if (track.lyrics)
      await transaction.insert(lyrics).values({ trackId: row.id, raw: track.lyrics, source: 'submitted' })
    return row
  })
}

async function submittedBefore(transaction: Transaction, idempotencyKey: string): Promise<TrackRow> {
  const [row] = await transaction.select(trackColumns).from(tracks).where(eq(tracks.idempotencyKey, idempotencyKey))
  return row
}

const SpotifySubmission = z.object({
  spotifyId: z.string().regex(/^[0-9A-Za-z]{22}$/, 'expected the 22 letters and digits of a Spotify track id'),
})

/**
 * Submits a song by its Spotify id, after the catalogue has confirmed that it exists.
 *
 * @throws NotFound when the catalogue does not know it; Conflict when it has been submitted before; Blocked when no catalogue
 * can be asked
 */
export async function addSpotifyTrack(
  client: Client,
  catalogue: Catalogue | null,
  input: { spotifyId: string; notes?: string | null | undefined },
  signal: AbortSignal,
): Promise<TrackRow> {
  const { spotifyId } = parseInput(SpotifySubmission, input)
  await assertNew(client, spotifyId)
  if (!catalogue || catalogue.unavailableReason !== null) {
    const why = catalogue?.unavailableReason ?? 'no catalogue is configured'
    throw new Blocked(`Spotify ids cannot be looked up: ${why}. Submit the audio itself with addTrack.`)
  }
  const found = await catalogue.track(spotifyId, { signal })
  if (!found) throw new NotFound(`the catalogue knows no track ${spotifyId}`, { details: { field: 'spotifyId' } })
  const [row] = await client.database
    .insert(tracks)
    .values({
      title: found.title,
      artists: found.artists,
      primaryArtistId: found.artists[0].id,
      primaryArtistName: found.artists[0].name,
      album: found.album,
      releaseDate: found.releaseDate,
      durationMs: found.durationMs,
      isrc: found.isrc,
      spotifyTrackId: spotifyId,
      tiktokVideoId: null,
      sourceType: 'manual_spotify',
      metadata: audit(input.notes),
    })
    .onConflictDoNothing({ target: tracks.spotifyTrackId })
    .returning(trackColumns)
  if (!row) await assertNew(client, spotifyId)
  return row
}

async function assertNew(client: Client, spotifyId: string): Promise<void> {
  const [known] = await client.database
    .select({ id: tracks.id })
    .from(tracks)
    .where(eq(tracks.spotifyTrackId, spotifyId))
  if (!known) return
  const existingId = encodeId('Track', known.id)
  throw new Conflict(`${spotifyId} has been submitted before, as ${existingId}`, { details: { existingId } })
}

/** What is kept about a submission, so that one can tell later who asked for what. */
function audit(notes: string | null | undefined): Record<string, unknown> {
  return { submission: { source: 'graphql', submittedAt: new Date().toISOString(), ...(notes ? { notes } : {}) } }
}
