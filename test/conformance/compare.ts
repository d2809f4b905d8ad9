import { isDeepStrictEqual } from 'node:util'
import { type Entity, type EntityType, readEntities } from './entities.ts'
import type { Indexer } from './indexer.ts'

/** What was compared, and every difference, in words. */
export interface Comparison {
  readonly entities: number
  readonly fields: number
  readonly differences: readonly string[]
}

export async function compareEntities(
  one: Indexer,
  other: Indexer,
  types: readonly EntityType[],
  block?: number,
): Promise<Comparison> {
  let [entities, fields] = [0, 0]
  const differences: string[] = []
  for (const type of types) {
    const [ofOne, ofOther] = await Promise.all([one, other].map((indexer) => readEntities(indexer, type, block)))
    const byId = new Map(ofOther.map((entity) => [entity.id, entity]))
    for (const entity of ofOne) {
      const twin = byId.get(entity.id)
      byId.delete(entity.id)
      entities++
      if (!twin) {
        differences.push(`${type.name} ${entity.id}: only ${one.name} has it`)
        continue
      }
      const differing = differingFields(entity, twin)
      fields += Object.keys(entity).length
      for (const field of differing)
        differences.push(
          `${type.name} ${entity.id} ${field}: ${one.name} ${JSON.stringify(entity[field])}, ${other.name} ${JSON.stringify(twin[field])}`,
        )
    }
    for (const id of byId.keys()) differences.push(`${type.name} ${id}: only ${other.name} has it`)
  }
  return { entities, fields, differences }
}

function differingFields(one: Entity, other: Entity): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...names].filter((name) => !isDeepStrictEqual(one[name], other[name]))
}
