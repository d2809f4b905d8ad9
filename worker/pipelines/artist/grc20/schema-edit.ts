import type { Op, PropertyValue } from '@geoprotocol/grc-20/types'
import { formatId } from '@geoprotocol/grc-20/util'
import type { SpaceIdentity } from '../../../providers/space/contract.ts'
import {
  type EntityType,
  GRAPH,
  type GraphId,
  idOf,
  PROPERTIES,
  type Property,
  RELATIONS,
  TYPES,
} from '../../../providers/space/grc20-space.ts'
import type { EditPlan } from './edit.ts'
import { relation } from './entity-ops.ts'
import { graphId } from './values.ts'

/** Something of ours that a space must hold before entities can use it. */
interface Item {
  readonly id: GraphId
  readonly kind: 'property' | 'type' | 'relation'
  readonly name: string
  readonly ops: readonly Op[]
}

/** Everything of ours: properties, types, relations, and which type has which property. */
export const SCHEMA: readonly Item[] = [
  ...Object.values(PROPERTIES).map(property),
  ...Object.values(TYPES).map(entityType),
  { id: RELATIONS.performedBy.id, kind: 'relation', name: RELATIONS.performedBy.name, ops: performedBy() },
  ...Object.values(TYPES).flatMap((type) => type.properties.map((property) => membership(type, property))),
  membership(TYPES.work, RELATIONS.performedBy),
]

/**
 * The edit that gives a space what it lacks; null when it lacks nothing. Whoever makes it for the same space and the same gaps
 * makes the same edit, byte for byte, so that it is published once.
 *
 * @param held ids of the items that the space holds
 */
export function planSchema({ spaceId, authorId }: SpaceIdentity, held: ReadonlySet<GraphId>): EditPlan | null {
  const missing = SCHEMA.filter((item) => !held.has(item.id))
  if (missing.length === 0) return null
  const ids = missing.map((item) => item.id)
  return {
    kind: 'setup',
    name: `Refrain: ${missing.length === 1 ? missing[0].name : `${missing.length} properties, types and relations`}`,
    ops: missing.flatMap((item) => item.ops),
    rows: missing.map(({ id, kind, name }) => ({ table: 'space', id, kind, name })),
    entityIds: ids,
    sharedId: idOf(`setup:${spaceId}:${authorId}:${ids.join()}`),
  }
}

function property({ id, name, dataType }: Property): Item {
  const ops = [named(id, name), relation(id, GRAPH.types, GRAPH.property), kindOfValue(id, dataType)]
  return { id, kind: 'property', name, ops }
}

function entityType({ id, name }: EntityType): Item {
  const ops = [named(id, name), relation(id, GRAPH.types, GRAPH.type), relation(id, GRAPH.properties, GRAPH.name.id)]
  return { id, kind: 'type', name, ops }
}

/** An item of its own, so that a type may be given a property that was published before. */
function membership(type: EntityType, property: { readonly id: GraphId; readonly name: string }): Item {
  const op = relation(type.id, GRAPH.properties, property.id)
  return { id: formatId(op.id), kind: 'relation', name: `${type.name}: ${property.name}`, ops: [op] }
}

function performedBy(): Op[] {
  const { id, name } = RELATIONS.performedBy
  return [
    named(id, name),
    relation(id, GRAPH.types, GRAPH.property),
    kindOfValue(id, 'relation'),
    relation(id, GRAPH.relationTarget, TYPES.artist.id),
  ]
}

function named(id: GraphId, name: string): Op {
  const value: PropertyValue = { property: graphId(GRAPH.name.id), value: { type: 'text', value: name } }
  return { type: 'createEntity', id: graphId(id), values: [value] }
}

function kindOfValue(id: GraphId, kind: keyof typeof GRAPH.dataTypes): Op {
  return relation(id, GRAPH.dataType, GRAPH.dataTypes[kind])
}
