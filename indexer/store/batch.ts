import type { Source } from '../sources.ts'
import type { Call, CallAnswer } from '../wasm/calls.ts'
import type { Row } from '../wasm/rows.ts'
import type { IndexedBlock } from './deployments.ts'
import { CURRENT } from './layout.ts'
import type { EntityType } from './schema.ts'
import type { Change } from './state.ts'

/** One version of an entity: it holds from block `from` up to and without block `to`. */
export interface Version {
  readonly from: number
  to: number
  readonly row: Row
}

/** What a batch does to one entity. */
export interface BatchEntry {
  /** The block at which the version that the database holds ends; null when the database holds none. */
  readonly closesAt: number | null
  readonly versions: Version[]
}

/** Whole blocks that are not yet in the database; they come there together. */
export class Batch {
  readonly entities = new Map<EntityType, Map<string, BatchEntry>>()
  readonly blocks: IndexedBlock[] = []
  readonly created: Source[] = []
  readonly answers: { readonly call: Call; readonly blockNumber: number; readonly answer: CallAnswer }[] = []
  /** Versions, roughly: to judge how large the batch is. */
  size = 0
  /** First block at which all that held then is kept. */
  keptFrom = 0

  get last(): IndexedBlock | null {
    return this.blocks.at(-1) ?? null
  }

  /** The entity after the batch, null when it does not exist then, undefined when the batch does not touch it. */
  get(type: EntityType, id: string): Row | null | undefined {
    const entry = this.entities.get(type)?.get(id)
    if (!entry) return undefined
    const last = entry.versions.at(-1)
    return last && last.to === CURRENT ? last.row : null
  }

  /**
   * @param keepFrom first block that history is kept of: what ended by then is left out
   */
  add(block: IndexedBlock, changes: readonly Change[], created: readonly Source[], keepFrom: number): void {
    for (const change of changes) this.#change(change, block.number, keepFrom)
    this.created.push(...created)
    this.blocks.push(block)
    this.size += changes.length
    this.keptFrom = Math.max(this.keptFrom, keepFrom)
  }

  #change({ type, id, before, after }: Change, block: number, keepFrom: number): void {
    let entries = this.entities.get(type)
    if (!entries) this.entities.set(type, (entries = new Map()))
    let entry = entries.get(id)
    if (!entry) entries.set(id, (entry = { closesAt: before ? block : null, versions: [] }))
    const last = entry.versions.at(-1)
    if (last && last.to === CURRENT) {
      if (block <= keepFrom) entry.versions.pop()
      else last.to = block
    }
    if (after) entry.versions.push({ from: block, to: CURRENT, row: after })
  }
}
