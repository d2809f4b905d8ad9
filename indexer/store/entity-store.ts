import type pg from 'pg'
import { type Client, inTransaction } from '../../worker/db/client.ts'
import { Conflict } from '../../worker/errors.ts'
import type { Source } from '../sources.ts'
import { type Call, type CallAnswer, callKey } from '../wasm/calls.ts'
import type { MissingThing } from '../wasm/failure.ts'
import { idOf, type Row } from '../wasm/rows.ts'
import { readAnswers } from './answers.ts'
import { Batch } from './batch.ts'
import { EntityCache } from './cache.ts'
import type { IndexedBlock } from './deployments.ts'
import { createColumnIndexes, qualifiedTable } from './layout.ts'
import { readIds, readReferring, readRows } from './read-rows.ts'
import { pruneHistory, revertEntities } from './revert.ts'
import type { EntitySchema, EntityType, Field } from './schema.ts'
import type { Change, StoredEntities } from './state.ts'
import { type Place, writeAnswers, writeBlocks, writeEntities, writeSources } from './write-batch.ts'

export interface EntityStoreOptions {
  readonly client: Pick<Client, 'pool'>
  readonly place: Place
  readonly schema: EntitySchema
  /** Last block in the database; null before the first. */
  readonly block: IndexedBlock | null
  /** First block at which all that held then is kept. */
  readonly earliestBlock: number
  /** Whether there are the indexes that only queries need. */
  readonly hasColumnIndexes: boolean
  /** How many sources the database holds. */
  readonly sourceCount: number
  /** Entities held in memory at most. */
  readonly cacheCapacity: number
}

const KEPT_ANSWERS = 10_000
const WORTH_ANALYZING = 1_000
const MOST_UNINDEXED = 500_000

/**
 * The entities of one deployment: in the database up to the block that was written last, and in memory what came since. Blocks are
 * written behind: many in one transaction while there are many. The block that the deployment is at moves in the same
 * transaction, and only if nobody else has moved it.
 */
export class EntityStore implements StoredEntities {
  readonly #client: Pick<Client, 'pool'>
  readonly #place: Place
  readonly #schema: EntitySchema
  readonly #cache: EntityCache
  readonly #answers = new Map<string, CallAnswer>()
  readonly #referring = new Map<string, readonly string[]>()
  #written: IndexedBlock | null
  #earliestBlock: number
  #sourceCount: number
  #hasColumnIndexes: boolean
  /** Versions written since the planner's last look. */
  #unanalyzed = 0
  #pending = new Batch()
  #writing: Batch | null = null
  #write: Promise<void> = Promise.resolve()

  constructor(options: EntityStoreOptions) {
    this.#client = options.client
    this.#place = options.place
    this.#schema = options.schema
    this.#written = options.block
    this.#earliestBlock = options.earliestBlock
    this.#hasColumnIndexes = options.hasColumnIndexes
    this.#sourceCount = options.sourceCount
    this.#cache = new EntityCache(options.schema, options.cacheCapacity)
  }

  /** Learns which entities there are. About a second for each million. */
  async open(): Promise<void> {
    for (const type of this.#schema.entities.values()) {
      for await (const ids of readIds(this.#client.pool, this.#place.schema, type)) {
        for (const id of ids) this.#cache.know(type, id)
      }
    }
  }

  /** Last block taken in, be it written or not. */
  get block(): IndexedBlock | null {
    return this.#pending.last ?? this.#writing?.last ?? this.#written
  }

  /** First block that can be gone back to. */
  get earliestBlock(): number {
    return Math.max(this.#earliestBlock, this.#pending.keptFrom, this.#writing?.keptFrom ?? 0)
  }

  /** Versions that wait to be written. */
  get pendingSize(): number {
    return this.#pending.size
  }

  get hasPending(): boolean {
    return this.#pending.blocks.length > 0
  }

  get isWriting(): boolean {
    return this.#writing !== null
  }

  get(type: EntityType, id: string): Row | null | undefined {
    const pending = this.#pending.get(type, id)
    if (pending !== undefined) return pending
    const writing = this.#writing?.get(type, id)
    return writing !== undefined ? writing : this.#cache.get(type, id)
  }

  referring(type: EntityType, field: Field, id: string): readonly string[] | undefined {
    const stored = this.#referring.get(referringKey(type, field, id))
    if (!stored) return undefined
    const touched = [this.#pending, this.#writing].flatMap((batch) => [...(batch?.entities.get(type)?.keys() ?? [])])
    return [...stored, ...touched]
  }

  answerOf(call: Call): CallAnswer | undefined {
    return this.#answers.get(callKey(call))
  }

  /** Remembers what the chain said, here and with the next write. */
  learn(call: Call, blockNumber: number, answer: CallAnswer): void {
    this.#answers.set(callKey(call), answer)
    this.#pending.answers.push({ call, blockNumber, answer })
  }

  /**
   * Reads what handlers wait for, a few questions for all of it.
   *
   * @returns the calls that only the chain can answer
   */
  async load(missing: readonly MissingThing[]): Promise<Call[]> {
    const ids = new Map<EntityType, Set<string>>()
    const calls = new Map<string, Call>()
    for (const thing of missing) {
      if (thing.kind === 'entity') ids.set(thing.type, (ids.get(thing.type) ?? new Set()).add(thing.id))
      else if (thing.kind === 'call') calls.set(callKey(thing.call), thing.call)
      else if (thing.kind === 'related') await this.#loadReferring(thing.type, thing.field, thing.id)
    }
    for (const [type, wanted] of ids) await this.#loadEntities(type, [...wanted])
    if (calls.size === 0) return []
    const known = await readAnswers(this.#client.pool, this.#place.chainId, [...calls.values()])
    for (const [key, answer] of known) this.#answers.set(key, answer)
    return [...calls].filter(([key]) => !known.has(key)).map(([, call]) => call)
  }

  async #loadEntities(type: EntityType, ids: readonly string[]): Promise<void> {
    const rows = await readRows(this.#client.pool, this.#place.schema, type, ids)
    const found = new Map(rows.map((row) => [idOf(type, row), row]))
    for (const id of ids) this.#cache.put(type, id, found.get(id) ?? null)
  }

  async #loadReferring(type: EntityType, field: Field, id: string): Promise<void> {
    // What is on its way to the database would be seen neither there nor here.
    await this.settled()
    const rows = await readReferring(this.#client.pool, this.#place.schema, type, field, id)
    for (const row of rows) this.#cache.put(type, idOf(type, row), row)
    this.#referring.set(
      referringKey(type, field, id),
      rows.map((row) => idOf(type, row)),
    )
  }

  /** Takes in a block that was handled whole. */
  add(block: IndexedBlock, changes: readonly Change[], created: readonly Source[], keepFrom: number): void {
    this.#pending.add(block, changes, created, keepFrom)
    // Answers belong to a block's hash and stay true; they are only many.
    if (this.#answers.size > KEPT_ANSWERS) this.#answers.clear()
    this.#referring.clear()
  }

  /**
   * Begins to write what is pending, after what is being written. Resolves when it is in the database.
   *
   * @throws Conflict when somebody else has moved the deployment: its entities must then be read anew
   */
  async flush(progress: { readonly headNumber: number; readonly state: 'syncing' | 'following' }): Promise<void> {
    await this.settled()
    if (!this.hasPending) return
    const batch = this.#pending
    this.#pending = new Batch()
    this.#writing = batch
    this.#write = this.#writeBatch(batch, progress)
    await this.#write
  }

  /** Resolves when nothing is being written. @throws what the write threw */
  async settled(): Promise<void> {
    await this.#write
  }

  async #writeBatch(batch: Batch, progress: { headNumber: number; state: string }): Promise<void> {
    const last = batch.last!
    await inTransaction(this.#client, async (connection) => {
      // The chain is the source of truth: what a crash of the server loses is indexed again, and never half.
      await connection.query('set local synchronous_commit = off')
      await this.#moveTo(connection, last)
      await connection.query(
        `update indexer.deployments set head_number = $2, state = $3, message = null, failed_handler = null, failed_block = null,
           earliest_block = greatest(earliest_block, $4), updated_at = now() where id = $1`,
        [this.#place.deploymentId, Math.max(progress.headNumber, last.number), progress.state, batch.keptFrom],
      )
      await writeEntities(connection, this.#place, batch)
      await writeBlocks(connection, this.#place, batch.blocks)
      await writeSources(connection, this.#place, batch.created, this.#sourceCount)
      await writeAnswers(connection, this.#place, batch.answers)
    })
    this.#written = last
    this.#earliestBlock = Math.max(this.#earliestBlock, batch.keptFrom)
    this.#sourceCount += batch.created.length
    this.#unanalyzed += batch.size
    for (const [type, entries] of batch.entities) {
      for (const id of entries.keys()) {
        const row = batch.get(type, id)!
        // What is written once is seldom asked for again.
        if (type.isImmutable) this.#cache.know(type, id)
        else this.#cache.put(type, id, row)
      }
    }
    this.#writing = null
    // What the database refers to now is more than it was when it was asked.
    this.#referring.clear()
  }

  async #moveTo(connection: pg.PoolClient, block: IndexedBlock | null): Promise<void> {
    const { rowCount } = await connection.query(
      `update indexer.deployments set block_number = $2, block_hash = $3, block_parent_hash = $4, block_timestamp = $5
       where id = $1 and block_hash is not distinct from $6`,
      [
        this.#place.deploymentId,
        block?.number ?? null,
        bytesOf(block?.hash),
        bytesOf(block?.parentHash),
        block?.timestamp ?? null,
        bytesOf(this.#written?.hash),
      ],
    )
    if (rowCount === 1) return
    throw new Conflict('the deployment was moved by another process, or deleted: it is opened again')
  }

  /** Takes back everything after a block, which becomes the last one. Nothing may be pending. */
  async revert(block: IndexedBlock): Promise<void> {
    await this.settled()
    const touched = await inTransaction(this.#client, async (connection) => {
      await this.#moveTo(connection, block)
      const entities = await revertEntities(connection, this.#place, this.#schema, block.number)
      const { rows } = await connection.query(
        'select count(*)::integer as count from indexer.sources where deployment_id = $1',
        [this.#place.deploymentId],
      )
      this.#sourceCount = rows[0].count
      return entities
    })
    this.#written = block
    for (const { type, id } of touched) this.#cache.forget(type, id)
  }

  /** So much has come without the indexes of columns that queries would miss them. */
  get isUnindexed(): boolean {
    return !this.#hasColumnIndexes && this.#unanalyzed > MOST_UNINDEXED
  }

  /**
   * Makes the indexes that queries need, the first time, and tells the planner what has come since the last: it would go on with what it
   * knew of empty tables.
   */
  async settleIn(): Promise<void> {
    const { schema, deploymentId } = this.#place
    if (!this.#hasColumnIndexes) {
      await inTransaction(this.#client, async (connection) => {
        for (const statement of createColumnIndexes(schema, this.#schema)) await connection.query(statement)
        await connection.query('update indexer.deployments set has_column_indexes = true where id = $1', [deploymentId])
      })
      this.#hasColumnIndexes = true
    }
    if (this.#unanalyzed < WORTH_ANALYZING) return
    this.#unanalyzed = 0
    for (const type of this.#schema.entities.values()) {
      await this.#client.pool.query(`analyze ${qualifiedTable(schema, type)}`)
    }
  }

  /** Forgets history before a block. */
  async prune(earliestBlock: number): Promise<void> {
    await inTransaction(this.#client, (connection) =>
      pruneHistory(connection, this.#place, this.#schema, earliestBlock),
    )
    this.#earliestBlock = Math.max(this.#earliestBlock, earliestBlock)
  }

  /** Forgets hashes of blocks before a number. */
  async pruneBlocks(firstKept: number): Promise<void> {
    await this.#client.pool.query('delete from indexer.blocks where deployment_id = $1 and number < $2', [
      this.#place.deploymentId,
      firstKept,
    ])
  }
}

const referringKey = (type: EntityType, field: Field, id: string): string => `${type.name}.${field.name} ${id}`
const bytesOf = (hex: string | undefined): Buffer | null =>
  hex === undefined ? null : Buffer.from(hex.slice(2), 'hex')
