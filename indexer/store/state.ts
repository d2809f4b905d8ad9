import { MappingFailed, Missing } from '../wasm/failure.ts'
import { equalRows, isList, type Row, type Value } from '../wasm/rows.ts'
import type { Update } from '../wasm/store-values.ts'
import type { EntitySchema, EntityType, Field } from './schema.ts'

/** What was stored before the block. */
export interface StoredEntities {
  /** The entity as it is, null when there is none, undefined when that must be asked first. */
  get(type: EntityType, id: string): Row | null | undefined
  /** Ids of the entities that may refer to one by a field, or undefined when that must be asked first. */
  referring(type: EntityType, field: Field, id: string): readonly string[] | undefined
}

/** What one block does to one entity. */
export interface Change {
  readonly type: EntityType
  readonly id: string
  /** Null when it did not exist before. */
  readonly before: Row | null
  /** Null when it was removed. */
  readonly after: Row | null
}

interface Entry {
  /** The whole entity; null when it was removed. */
  readonly row: Row | null
  /** What this block has set, for `loadInBlock`; null after a removal. */
  readonly inBlock: Update | null
}

type Layer = Map<EntityType, Map<string, Entry>>

/** Integers above this have no place in an index of Postgres. */
const LARGEST_INTEGER = 10n ** 4_000n

/**
 * Entities as the handlers of one block see and change them: what was stored, over it what earlier handlers of the block did, over
 * that what the running one has done so far, which is dropped when it fails.
 */
export class BlockState {
  readonly #stored: StoredEntities
  readonly #schema: EntitySchema
  readonly #block: Layer = new Map()
  #handler: Layer = new Map()

  constructor(stored: StoredEntities, schema: EntitySchema) {
    this.#stored = stored
    this.#schema = schema
  }

  /** @throws Missing when it has to be read first */
  get(type: EntityType, id: string): Row | null {
    const entry = this.#entry(type, id)
    return entry ? entry.row : this.#before(type, id)
  }

  /** Only what this block has set: of an entity that it did not load first, not the rest. */
  getInBlock(type: EntityType, id: string): Row | null {
    return this.#entry(type, id)?.inBlock?.map((value) => value ?? null) ?? null
  }

  /**
   * Puts an update over what there is.
   *
   * @throws MappingFailed when a field that must have a value has none then, or the type is immutable and was written by an
   *   earlier block
   */
  set(type: EntityType, id: string, update: Update): void {
    const entry = this.#entry(type, id)
    const current = entry ? entry.row : this.#before(type, id)
    if (type.isImmutable && !entry && current) {
      throw new MappingFailed(`${type.name}[${id}] exists already, and its type is immutable`)
    }
    const row: (Value | null)[] = current ? [...current] : new Array(update.length).fill(null)
    const inBlock: Update = entry?.inBlock ? [...entry.inBlock] : new Array(update.length).fill(undefined)
    for (let index = 0; index < update.length; index++) {
      const value = update[index]
      if (value === undefined) continue
      row[index] = value
      inBlock[index] = value
    }
    this.#assertValid(type, id, row)
    this.#put(this.#handler, type, id, { row, inBlock })
  }

  remove(type: EntityType, id: string): void {
    if (type.isImmutable && !this.#entry(type, id) && this.#before(type, id)) {
      throw new MappingFailed(`${type.name}[${id}] cannot be removed: its type is immutable`)
    }
    this.#put(this.#handler, type, id, { row: null, inBlock: null })
  }

  /** All entities of a type whose field refers to an id, by their own id. @throws Missing */
  related(type: EntityType, field: Field, id: string): Row[] {
    const stored = this.#stored.referring(type, field, id)
    if (!stored) throw new Missing({ kind: 'related', type, field, id })
    const ids = new Set(stored)
    for (const layer of [this.#block, this.#handler]) for (const key of layer.get(type)?.keys() ?? []) ids.add(key)
    return [...ids]
      .sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
      .map((key) => this.get(type, key))
      .filter((row): row is Row => row !== null && refersTo(row[field.position], id))
  }

  /** The handler has ended well: its writes become the block's. */
  keep(): void {
    for (const [type, entries] of this.#handler) {
      for (const [id, entry] of entries) this.#put(this.#block, type, id, entry)
    }
    this.drop()
  }

  /** The handler has failed, or must be run again. */
  drop(): void {
    if (this.#handler.size > 0) this.#handler = new Map()
  }

  /** What the block has changed; an entity that ends as it was is not among it. */
  changes(): Change[] {
    const changes: Change[] = []
    for (const [type, entries] of this.#block) {
      for (const [id, { row }] of entries) {
        const before = this.#before(type, id)
        if (before === row || (before && row && equalRows(before, row))) continue
        changes.push({ type, id, before, after: row })
      }
    }
    return changes
  }

  #entry(type: EntityType, id: string): Entry | undefined {
    return this.#handler.get(type)?.get(id) ?? this.#block.get(type)?.get(id)
  }

  #before(type: EntityType, id: string): Row | null {
    const row = this.#stored.get(type, id)
    if (row === undefined) throw new Missing({ kind: 'entity', type, id })
    return row
  }

  #put(layer: Layer, type: EntityType, id: string, entry: Entry): void {
    const entries = layer.get(type)
    if (entries) entries.set(id, entry)
    else layer.set(type, new Map([[id, entry]]))
  }

  #assertValid(type: EntityType, id: string, row: Row): void {
    for (const field of type.storedFields) {
      const value = row[field.position]
      if (value === null) {
        if (field.isRequired)
          throw new MappingFailed(`${type.name}[${id}]: the field ${field.name} has no value but must have one`)
      } else if (field.kind === 'enum') this.#assertEnum(type, id, field, value)
      else if (field.scalar === 'BigInt') assertInteger(type, id, field, value)
    }
  }

  #assertEnum(type: EntityType, id: string, field: Field, value: Value): void {
    const known = this.#schema.enums.get(field.type)!.values
    for (const name of isList(value) ? value : [value]) {
      if (known.some((candidate) => candidate.name === name)) continue
      const expected = known.map((candidate) => candidate.name).join(', ')
      throw new MappingFailed(
        `${type.name}[${id}].${field.name} must be one of ${expected} but was set to ${String(name)}`,
      )
    }
  }
}

function assertInteger(type: EntityType, id: string, field: Field, value: Value): void {
  for (const integer of isList(value) ? value : [value]) {
    if (typeof integer !== 'bigint' || (integer < LARGEST_INTEGER && integer > -LARGEST_INTEGER)) continue
    throw new MappingFailed(`${type.name}[${id}].${field.name} was set to a number of more than 4,000 digits`)
  }
}

export function refersTo(value: Value | null, id: string): boolean {
  return value === id || (value !== null && isList(value) && value.includes(id))
}
