import type { CreateRelation, Op, PropertyValue } from '@geoprotocol/grc-20/types'
import { uniqueRelationId } from '@geoprotocol/grc-20/util'
import { GRAPH, type GraphId, type Property } from '../../../providers/space/grc20-space.ts'
import type { Cover } from './cover.ts'
import { type EntityValues, graphId } from './values.ts'

/** One entity with its cover, as it is to be. */
export interface Entity {
  readonly id: GraphId
  readonly typeId: GraphId
  readonly values: EntityValues
  readonly cover: Cover
  /** Names the cover too. */
  readonly name: string
}

/** Makes the entity and the image that shows it. */
export function mintOps({ id, typeId, values, cover, name }: Entity): Op[] {
  return [
    { type: 'createEntity', id: graphId(id), values: [...values.values] },
    relation(id, GRAPH.types, typeId),
    { type: 'createEntity', id: graphId(cover.entityId), values: coverValues(cover, name).values },
    relation(cover.entityId, GRAPH.types, GRAPH.image.type),
    relation(id, GRAPH.cover, cover.entityId),
  ]
}

/** Sets what the entity says now and takes back the rest: what it no longer says, and what no entity says any more. */
export function updateOps({ id, values, cover, name }: Entity, legacy: readonly Property[]): Op[] {
  const image = coverValues(cover, name)
  return [
    {
      type: 'updateEntity',
      id: graphId(id),
      set: [...values.values],
      unset: [...values.empty, ...legacy].map((property) => unset(property.id)),
    },
    { type: 'updateEntity', id: graphId(cover.entityId), set: image.values, unset: image.empty.map(unset) },
  ]
}

/** A relation of one kind between two entities; there is one at most, so that making it again changes nothing. */
export function relation(from: GraphId, type: GraphId, to: GraphId): CreateRelation {
  const ends = { from: graphId(from), to: graphId(to), relationType: graphId(type) }
  return { type: 'createRelation', id: uniqueRelationId(ends.from, ends.to, ends.relationType), ...ends }
}

function coverValues({ url, size }: Cover, name: string): { values: PropertyValue[]; empty: GraphId[] } {
  const values: PropertyValue[] = [
    { property: graphId(GRAPH.name.id), value: { type: 'text', value: `Cover of ${name}` } },
    { property: graphId(GRAPH.image.url), value: { type: 'text', value: url } },
  ]
  if (size === null) return { values, empty: [GRAPH.image.width, GRAPH.image.height] }
  for (const side of [GRAPH.image.width, GRAPH.image.height])
    values.push({ property: graphId(side), value: { type: 'float', value: size } })
  return { values, empty: [] }
}

function unset(property: GraphId) {
  return { property: graphId(property), language: { type: 'all' } } as const
}
