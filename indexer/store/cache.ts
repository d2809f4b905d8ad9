import type { Row } from '../wasm/rows.ts'
import { KnownIds } from './known-ids.ts'
import type { EntitySchema, EntityType } from './schema.ts'

/**
 * Entities as they are in the database, the recently used ones: at most `capacity` rows. Of an id that it does not hold it can often
 * still say that there is no such entity, so that creating one costs no question.
 */
export class EntityCache {
  readonly #capacity: number
  readonly #ids: ReadonlyMap<EntityType, KnownIds>
  /** Two generations: what the old one holds and nobody asks for is forgotten when the young one is full. */
  #young: Generation
  #old: Generation
  #youngSize = 0

  constructor(schema: EntitySchema, capacity: number) {
    this.#capacity = capacity
    this.#ids = new Map([...schema.entities.values()].map((type) => [type, new KnownIds()]))
    this.#young = emptyGeneration(schema)
    this.#old = emptyGeneration(schema)
  }

  /** Null when there is no such entity, undefined when only the database knows. */
  get(type: EntityType, id: string): Row | null | undefined {
    const young = this.#young.get(type)!.get(id)
    if (young !== undefined) return young
    const old = this.#old.get(type)!.get(id)
    if (old !== undefined) {
      this.put(type, id, old)
      return old
    }
    return this.#ids.get(type)!.mayHave(id) ? undefined : null
  }

  /** @param row null when there is no such entity (any more) */
  put(type: EntityType, id: string, row: Row | null): void {
    const rows = this.#young.get(type)!
    if (!rows.has(id)) this.#youngSize++
    rows.set(id, row)
    if (this.#youngSize > this.#capacity / 2) this.#age()
  }

  /** The database has an entity that is not held here. */
  know(type: EntityType, id: string): void {
    this.#ids.get(type)!.add(id)
  }

  /** What is held of an entity is no longer so. */
  forget(type: EntityType, id: string): void {
    this.#young.get(type)!.delete(id)
    this.#old.get(type)!.delete(id)
    this.know(type, id)
  }

  #age(): void {
    const forgotten = this.#old
    this.#old = this.#young
    this.#young = new Map([...forgotten.keys()].map((type) => [type, new Map()]))
    this.#youngSize = 0
    for (const [type, rows] of forgotten) {
      const kept = this.#old.get(type)!
      for (const [id, row] of rows) if (row !== null && !kept.has(id)) this.know(type, id)
    }
  }
}

type Generation = Map<EntityType, Map<string, Row | null>>

const emptyGeneration = (schema: EntitySchema): Generation =>
  new Map([...schema.entities.values()].map((type) => [type, new Map()]))
