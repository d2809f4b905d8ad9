import type { Log as Logger } from '../worker/log.ts'
import type { Header, Log, Receipt } from './answers.ts'
import type { Subgraph } from './manifest.ts'
import type { EventHandler, Source } from './sources.ts'
import type { BlockState } from './store/state.ts'
import { AbiMismatch, type AbiValue, decodeAbi, decodeWord } from './wasm/abi.ts'
import type { Call, CallAnswer } from './wasm/calls.ts'
import { isWhole, type MappingEvent, writeEvent } from './wasm/event.ts'
import { MappingFailed, Missing, OutOfBounds } from './wasm/failure.ts'
import type { Heap } from './wasm/heap.ts'
import { hostFunctions } from './wasm/host/index.ts'
import type { Host } from './wasm/instance.ts'
import type { CreatedSource, LogLine, Running } from './wasm/running.ts'

/** One handler to be run for one event. */
export interface Trigger {
  readonly source: Source
  readonly handler: EventHandler
  readonly log: Log
  readonly parameters: readonly { readonly name: string; readonly value: AbiValue }[]
  readonly header: Header
  readonly transaction: MappingEvent['transaction']
  readonly receipt: Receipt | null
}

/** Runs handlers. */
export interface Mappings {
  /**
   * Runs one handler on a state; its writes are the state's to keep or drop.
   *
   * @param options.isTrial says that the writes will be dropped: nothing is logged
   * @returns the data sources it has created
   * @throws Missing when something must be had first; MappingFailed when it fails in a way that would repeat
   */
  run(trigger: Trigger, state: BlockState, options?: { isTrial?: boolean }): readonly CreatedSource[]
}

export function openMappings(
  subgraph: Subgraph,
  answerOf: (call: Call) => CallAnswer | undefined,
  log: Logger,
): Mappings {
  let heap: Heap | null = null
  let running: Running | null = null
  let isSelfContained = true
  /** Handlers that look at what receipts do not tell of a transaction. */
  const readers = new Set<EventHandler>()
  const host: Host = {
    functions: hostFunctions({
      schema: subgraph.schema,
      templates: subgraph.templates,
      network: subgraph.network,
      answerOf,
      heap() {
        // The module has run since the last time.
        heap!.refresh()
        return heap!
      },
      running() {
        isSelfContained = false
        return running!
      },
    }),
    enter(entered) {
      heap = entered
      isSelfContained = true
    },
    get isSelfContained() {
      return isSelfContained
    },
  }
  return {
    run(trigger, state, options = {}) {
      const { source, handler, header, transaction } = trigger
      const isPartial = !isWhole(transaction)
      const missing = () => new Missing({ kind: 'transaction', hash: transaction.hash, blockHash: header.hash })
      if (isPartial && readers.has(handler)) throw missing()
      const created: CreatedSource[] = []
      const lines: LogLine[] = []
      const tell = () => {
        if (options.isTrial) return
        const place = { dataSource: source.definition.name, block: header.number }
        for (const { level, message } of lines) log[level](message, place)
      }
      try {
        running = { source, block: { number: header.number, hash: header.hash }, state, created, lines }
        const { heap: entered, functions } = source.definition.module.fresh(host)
        functions[handler.name](writeEvent(entered, trigger, source.definition.hasReceipts))
      } catch (error) {
        const mayBeFromReading = error instanceof WebAssembly.RuntimeError || error instanceof OutOfBounds
        if (!isPartial || !mayBeFromReading) {
          if (!(error instanceof Missing)) tell()
          throw asFailure(error)
        }
        readers.add(handler)
        throw missing()
      }
      tell()
      return created
    },
  }
}

/** What WebAssembly itself stops at would stop it again. */
function asFailure(error: unknown): unknown {
  if (error instanceof WebAssembly.RuntimeError)
    return new MappingFailed(`it trapped: ${error.message}`, { cause: error })
  if (error instanceof RangeError)
    return new MappingFailed(`it went too deep or too far: ${error.message}`, { cause: error })
  return error
}

/**
 * The values of an event as its handler's signature describes them, or null when the log is not of that form: the same first topic
 * is shared by events that differ in what is indexed.
 */
export function decodeEvent(handler: EventHandler, log: Log): Trigger['parameters'] | null {
  if (log.topics.length !== handler.indexedCount + 1) return null
  try {
    const data = decodeAbi(
      handler.inputs.filter((input) => !input.isIndexed).map((input) => input.type),
      Buffer.from(log.data.slice(2), 'hex'),
    )
    let topic = 1
    let position = 0
    return handler.inputs.map(({ name, type, isIndexed }) => ({
      name,
      value: isIndexed ? decodeWord(type, Buffer.from(log.topics[topic++].slice(2), 'hex')) : data[position++],
    }))
  } catch (error) {
    if (error instanceof AbiMismatch) return null
    throw error
  }
}
