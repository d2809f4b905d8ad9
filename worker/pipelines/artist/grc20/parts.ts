import type { Op } from '@geoprotocol/grc-20/types'
import type { Grc20ArtistRow, Grc20WorkRow } from '../../../db/grc20-tables.ts'
import {
  artistEntityId,
  GRC20_LEGACY_ARTIST_PROPERTIES,
  GRC20_LEGACY_WORK_PROPERTIES,
  idOf,
  RELATIONS,
  TYPES,
  workEntityId,
} from '../../../providers/space/grc20-space.ts'
import { artistValues } from './artist-values.ts'
import { coverOf, type Drawn } from './cover.ts'
import type { EditRow } from './edit.ts'
import { type Entity, mintOps, updateOps } from './entity-ops.ts'
import { cleanText } from './text.ts'
import { graphId } from './values.ts'
import { workValues } from './work-values.ts'

/** What an edit does for one row. */
export interface Part {
  readonly ops: readonly Op[]
  readonly row: Exclude<EditRow, { table: 'space' }>
  readonly drawn: Drawn | null
}

/** Makes the artist's entity. */
export function mintArtist(installation: string, row: Grc20ArtistRow): Part {
  const entity = artistEntity(installation, row)
  return { ops: mintOps(entity), row: artistRow(entity, row), drawn: entity.cover.drawn }
}

/** Brings the artist's entity up to date. */
export function updateArtist(installation: string, row: Grc20ArtistRow): Part {
  const entity = artistEntity(installation, row)
  const ops = updateOps(entity, GRC20_LEGACY_ARTIST_PROPERTIES)
  return { ops, row: artistRow(entity, row), drawn: entity.cover.drawn }
}

/** Makes the work's entity, related to the artist's. */
export function mintWork(installation: string, row: Grc20WorkRow): Part {
  const entity = workEntity(installation, row)
  const performed = performedBy(installation, entity, row)
  return {
    ops: [...mintOps(entity), performed.op],
    row: workRow(entity, row, performed.id),
    drawn: entity.cover.drawn,
  }
}

/** Brings the work's entity up to date, with its relation when another artist turned out to perform it. */
export function updateWork(installation: string, row: Grc20WorkRow): Part {
  const entity = workEntity(installation, row)
  const ops = updateOps(entity, GRC20_LEGACY_WORK_PROPERTIES)
  const { drawn } = entity.cover
  if (row.artistRelationId !== null && row.publishedArtistId === row.artistId)
    return { ops, row: workRow(entity, row, row.artistRelationId), drawn }
  const before: Op[] = row.artistRelationId ? [{ type: 'deleteRelation', id: graphId(row.artistRelationId) }] : []
  const performed = performedBy(installation, entity, row)
  return { ops: [...ops, ...before, performed.op], row: workRow(entity, row, performed.id), drawn }
}

function artistEntity(installation: string, row: Grc20ArtistRow): Entity {
  const id = row.grc20EntityId ?? artistEntityId(installation, row.artistId)
  const name = cleanText(row.name) ?? ''
  return { id, typeId: TYPES.artist.id, values: artistValues(row), cover: coverOf(id, row), name }
}

function workEntity(installation: string, row: Grc20WorkRow): Entity {
  const id = row.grc20EntityId ?? workEntityId(installation, row.trackId)
  const name = cleanText(row.title) ?? ''
  return { id, typeId: TYPES.work.id, values: workValues(row), cover: coverOf(id, row), name }
}

/** A relation that was taken back does not come again under its id, so every revision that changes it has another. */
function performedBy(
  installation: string,
  entity: Entity,
  row: Grc20WorkRow,
): { readonly id: string; readonly op: Op } {
  const artist = artistEntityId(installation, row.artistId)
  const id = idOf(`performed_by:${entity.id}:${artist}:${row.revision}`)
  const ends = { from: graphId(entity.id), to: graphId(artist), relationType: graphId(RELATIONS.performedBy.id) }
  return { id, op: { type: 'createRelation', id: graphId(id), ...ends } }
}

function artistRow(entity: Entity, { artistId, revision }: Grc20ArtistRow): Part['row'] {
  return { table: 'artist', id: artistId, entityId: entity.id, revision }
}

function workRow(entity: Entity, row: Grc20WorkRow, artistRelationId: string): Part['row'] {
  const { trackId, revision, artistId } = row
  return { table: 'work', id: trackId, entityId: entity.id, revision, artistId, artistRelationId }
}
