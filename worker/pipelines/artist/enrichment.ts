import { eq, sql } from 'drizzle-orm'
import { artistMetadata, artists } from '../../db/artist-tables.ts'
import type { Transaction } from '../../db/client.ts'
import type { Context } from '../../engine/context.ts'
import { Metadata } from '../../providers/metadata/contract.ts'
import { ArtistFacts, type ArtistSource, factsIn } from './facts.ts'
import { type Artist, artistStage } from './subject.ts'

/** About how many of an artist's tracks a source is asked at most. */
const MOST_QUESTIONS = 3

/** Asks one source what it knows of the artist. Nothing waits for an answer that does not come. */
function enrichmentBy<const Source extends ArtistSource>(source: Source, called: string) {
  return artistStage({
    name: `${source}_enrichment`,
    description: `Asks ${called} about the artist`,
    output: ArtistFacts,
    canSkip: true,
    queue: 'lookup',
    weight: 0,
    run: (_inputs, context) => enrich(source, called, context),
    record: keep,
  })
}

export const spotifyEnrichment = enrichmentBy('spotify', 'Spotify')
export const quansicEnrichment = enrichmentBy('quansic', 'Quansic')
export const wikidataEnrichment = enrichmentBy('wikidata', 'Wikidata')
export const geniusEnrichment = enrichmentBy('genius', 'Genius')

/** What comes before an artist's identity, and never holds it up. */
export const enrichments = [spotifyEnrichment, quansicEnrichment, wikidataEnrichment, geniusEnrichment] as const

async function enrich(source: ArtistSource, called: string, context: Context<Artist>): Promise<ArtistFacts> {
  const { subject, providers, signal } = context
  if (subject.mergedInto !== null) return context.skip(mergedReason(subject.mergedInto))
  // What the source has said of a track says it of its artists.
  for (const { metadata } of subject.tracks) {
    const said = Metadata.safeParse({ source, data: metadata[source] })
    const facts = said.success ? factsIn(said.data, subject) : null
    if (facts) return facts
  }
  const asked = providers.metadata.get(source)
  if (!asked) return context.skip(`${called} is not asked (METADATA_SOURCES)`)
  const [first, ...more] = subject.tracks
  if (!first) return context.skip(`${called} is asked by a track, and the artist has none`)
  for (const track of [first, ...more].slice(0, MOST_QUESTIONS)) {
    const found = await asked.lookUp(track, { signal })
    const facts = 'noMatch' in found ? null : factsIn(found, subject)
    if (facts) return facts
  }
  return context.skip(`${called} does not know the artist`)
}

/** Why an artist that turned out to be another one gets nothing of its own. */
export function mergedReason(mergedInto: number): string {
  return `it is the same artist as Artist:${mergedInto}`
}

/** What is known already stays: the source that answered first has said it. */
async function keep(facts: ArtistFacts, transaction: Transaction, artist: Artist): Promise<void> {
  const row = { data: facts.data, updatedAt: new Date() }
  await transaction
    .insert(artistMetadata)
    .values({ artistId: artist.id, source: facts.source, ...row })
    .onConflictDoUpdate({ target: [artistMetadata.artistId, artistMetadata.source], set: row })
  const first = (name: 'geniusArtistId' | 'wikidataId' | 'musicbrainzArtistId' | 'isni' | 'imageUrl') =>
    sql`coalesce(${artists[name]}, ${facts[name]})`
  const others = facts.aliases.filter((alias) => alias !== artist.name)
  await transaction
    .update(artists)
    .set({
      geniusArtistId: first('geniusArtistId'),
      wikidataId: first('wikidataId'),
      musicbrainzArtistId: first('musicbrainzArtistId'),
      isni: first('isni'),
      imageUrl: first('imageUrl'),
      genres: sql`case when ${artists.genres} = '[]' then ${JSON.stringify(facts.genres)}::jsonb else ${artists.genres} end`,
      aliases: sql`(
        select coalesce(jsonb_agg(distinct alias), '[]')
        from jsonb_array_elements(${artists.aliases} || ${JSON.stringify(others)}::jsonb) alias)`,
      updatedAt: new Date(),
    })
    .where(eq(artists.id, artist.id))
}
