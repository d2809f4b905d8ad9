import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Log, Receipt } from './answers.ts'
import type { BlockBody } from './block-body.ts'
import type { WindowBlock } from './block-window.ts'
import { decodeEvent, type Mappings, type Trigger } from './mappings.ts'
import { NodeContradiction } from './rpc.ts'
import type { Source, SourceList } from './sources.ts'
import type { EntitySchema } from './store/schema.ts'
import { BlockState, type Change, type StoredEntities } from './store/state.ts'
import { MappingFailed, Missing, type MissingThing } from './wasm/failure.ts'

/** A handler failed for good: with where it stands, for people. */
export class HandlerFailed extends Error {
  readonly handler: string
  readonly blockNumber: number
  readonly blockHash: string
  constructor({ source, handler, log, header }: Trigger, cause: MappingFailed) {
    super(
      `${source.definition.name}.${handler.name} failed at block ${header.number}, log ${log.logIndex} of transaction ${log.transactionHash}: ${cause.message}`,
      { cause },
    )
    this.handler = `${source.definition.name}.${handler.name}`
    this.blockNumber = header.number
    this.blockHash = header.hash
  }
}

export interface BlockHandling {
  readonly schema: EntitySchema
  readonly stored: StoredEntities
  readonly sources: SourceList
  readonly mappings: Mappings
  /** Gets what handlers wait for. @param blocks the block that is handled, and those looked into */
  readonly fetch: (missing: readonly MissingThing[], blocks: readonly WindowBlock[]) => Promise<void>
  readonly signal: AbortSignal
}

/** How many handlers ahead are tried for what they will wait for, so that it is fetched at once. */
const MAX_LOOKAHEAD = 256
const MIN_LOOKAHEAD = 2
/** How long handlers run before others in the process get their turn. */
const TURN_MS = 10

/** Runs the handlers of whole blocks. */
export interface BlockHandler {
  /**
   * Runs every handler that a block's logs ask for, in their order. Sources created on the way get the whole block too, as
   * graph-node does it: after all others, from the block's first log on.
   *
   * @param ahead blocks that come next, to look into
   * @throws HandlerFailed
   */
  handle(block: WindowBlock, ahead: readonly WindowBlock[]): Promise<{ changes: Change[]; created: Source[] }>
}

export function createBlockHandler(handling: BlockHandling): BlockHandler {
  const { schema, stored, sources, mappings, fetch, signal } = handling
  let lookahead = MIN_LOOKAHEAD
  let turnEndsMs = performance.now() + TURN_MS

  /** What the coming handlers will wait for, found by running them on what is there. Their writes are dropped. */
  const foresee = (state: BlockState, coming: Iterable<Trigger>): MissingThing[] => {
    const missing: MissingThing[] = []
    let tried = 0
    for (const trigger of coming) {
      if (tried++ >= lookahead) break
      try {
        mappings.run(trigger, state, { isTrial: true })
      } catch (error) {
        if (error instanceof Missing) missing.push(error.what)
        else if (!(error instanceof MappingFailed)) throw error
      }
      state.drop()
    }
    const isWorthIt = tried > 0 && missing.length * 4 >= tried
    lookahead = isWorthIt ? Math.min(MAX_LOOKAHEAD, lookahead * 2) : Math.max(MIN_LOOKAHEAD, lookahead >>> 1)
    return missing
  }

  const run = async (
    block: WindowBlock,
    triggers: Trigger[],
    state: BlockState,
    ahead: readonly WindowBlock[],
  ): Promise<Source[]> => {
    const created: Source[] = []
    for (let index = 0; index < triggers.length; ) {
      if (performance.now() > turnEndsMs) {
        await nextTurn()
        signal.throwIfAborted()
        turnEndsMs = performance.now() + TURN_MS
      }
      const trigger = triggers[index]
      try {
        const made = mappings.run(trigger, state)
        state.keep()
        for (const { template, address, context } of made) {
          const number = trigger.header.number
          const source = {
            definition: template,
            address,
            startBlock: number,
            endBlock: null,
            context,
            createdAtBlock: number,
          }
          if (sources.has(source)) continue
          sources.add(source)
          created.push(source)
        }
        index++
      } catch (error) {
        state.drop()
        if (error instanceof MappingFailed) throw new HandlerFailed(trigger, error)
        if (!(error instanceof Missing)) throw error
        const missing = [error.what, ...foresee(state, comingAfter(triggers, index, ahead))]
        await fetch(missing, [block, ...ahead])
        // The transaction may be known whole by now.
        triggers[index] = { ...trigger, transaction: block.body!.transactions.get(trigger.transaction.hash)! }
      }
    }
    return created
  }

  const changesOf = async (state: BlockState): Promise<Change[]> => {
    for (;;) {
      try {
        return state.changes()
      } catch (error) {
        if (!(error instanceof Missing)) throw error
        await fetch([error.what], [])
      }
    }
  }

  function* comingAfter(
    triggers: readonly Trigger[],
    index: number,
    ahead: readonly WindowBlock[],
  ): Generator<Trigger> {
    yield* triggers.slice(index + 1)
    for (const block of ahead) yield* triggersOf(block, (address) => sources.at(address))
  }

  return {
    async handle(block, ahead) {
      const { number } = block.header
      const state = new BlockState(stored, schema)
      const created: Source[] = []
      try {
        let fresh = await run(block, [...triggersOf(block, (address) => sources.at(address))], state, ahead)
        while (fresh.length > 0) {
          created.push(...fresh)
          const only = fresh
          const triggers = triggersOf(block, (address) => only.filter((source) => source.address === address))
          fresh = await run(block, [...triggers], state, ahead)
        }
        return { changes: await changesOf(state), created }
      } catch (error) {
        // The block will be handled again, or not at all.
        sources.revert(number - 1)
        throw error
      }
    },
  }
}

/** The handlers that a block's logs ask for, log by log. */
function* triggersOf(
  { header, body }: WindowBlock,
  sourcesAt: (address: string) => readonly Source[],
): Generator<Trigger> {
  if (!body) return
  for (const log of body.logs) {
    for (const source of sourcesAt(log.address)) {
      if (source.startBlock > header.number || (source.endBlock !== null && source.endBlock < header.number)) continue
      for (const handler of source.definition.handlers.get(log.topics[0]) ?? []) {
        const parameters = decodeEvent(handler, log)
        if (!parameters) continue
        // The body was checked: every log's transaction is in it.
        const transaction = body.transactions.get(log.transactionHash)!
        const receipt = handler.wantsReceipt ? receiptOf(log, body) : null
        yield { source, handler, log, parameters, header, transaction, receipt }
      }
    }
  }
}

function receiptOf(log: Log, { receipts }: BlockBody): Receipt {
  const receipt = receipts?.get(log.transactionHash)
  if (receipt) return receipt
  throw new NodeContradiction('handlers want receipts, but the node does not know eth_getBlockReceipts')
}
