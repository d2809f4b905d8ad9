import { fileURLToPath } from 'node:url'
import { encodeAbiParameters, type Hex, keccak256, parseAbiParameters, toHex } from 'viem'
import { Header, Log, Transaction } from '../../indexer/answers.ts'
import { loadSubgraph, type Subgraph } from '../../indexer/manifest.ts'
import { decodeEvent, openMappings, type Trigger } from '../../indexer/mappings.ts'
import type { EntityType, Field } from '../../indexer/store/schema.ts'
import { BlockState, type Change, refersTo } from '../../indexer/store/state.ts'
import type { Call, CallAnswer } from '../../indexer/wasm/calls.ts'
import type { Row } from '../../indexer/wasm/rows.ts'
import { createLog } from '../../worker/log.ts'

export const PROBE_BUILD = fileURLToPath(new URL('./fixtures/probe/build/', import.meta.url))

/** The probe's event, as the catalog contract emits it. */
export const COMMAND_TOPIC = keccak256(
  toHex('ClipRegistered(bytes32,string,string,uint32,uint32,string,address,uint64)'),
)
const COMMAND_DATA = parseAbiParameters('string, string, uint32, uint32, string, uint64')
const word = (value: number): Hex => toHex(value, { size: 32 })

export const probeHeader = (number = 7): Header =>
  Header.parse({
    number: toHex(number),
    hash: word(1_000 + number),
    parentHash: word(999 + number),
    sha3Uncles: word(1),
    miner: `0x${'22'.repeat(20)}`,
    stateRoot: word(2),
    transactionsRoot: word(3),
    receiptsRoot: word(4),
    gasUsed: '0x5208',
    gasLimit: '0x1c9c380',
    timestamp: '0x6553f100',
    difficulty: '0x0',
    totalDifficulty: '0x10000000000000000',
    size: '0x220',
    baseFeePerGas: '0x7',
    transactions: [word(77)],
  })

/** The transaction of the probe's events, with everything that a receipt does not tell. */
export const WHOLE_TRANSACTION = Transaction.parse({
  hash: word(77),
  transactionIndex: '0x3',
  from: `0x${'44'.repeat(20)}`,
  to: `0x${'55'.repeat(20)}`,
  value: '0xde0b6b3a7640000',
  gas: '0x5208',
  gasPrice: '0x64',
  maxFeePerGas: '0x64',
  maxPriorityFeePerGas: '0x2',
  input: '0x00ff',
  nonce: '0x1',
})

/** A log that tells the probe what to do. */
export function commandLog(command: string, operands: readonly string[], id: string, header = probeHeader()): Log {
  return Log.parse({
    address: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
    topics: [COMMAND_TOPIC, word(5), `0x${'00'.repeat(12)}${'33'.repeat(20)}`],
    data: encodeAbiParameters(COMMAND_DATA, [command, id, 11, 4_294_967_295, operands.join('|'), 1_700_000_000n]),
    blockHash: header.hash,
    blockNumber: toHex(header.number),
    transactionHash: word(77),
    transactionIndex: '0x3',
    logIndex: '0x9',
  })
}

/** The probe with everything around it in memory. */
export interface Probe {
  readonly subgraph: Subgraph
  /** Entities as they were stored before the block, by type's name and id. */
  readonly stored: Map<string, Row>
  /** Runs one command in a block of its own and stores what it changes. @returns the text it has saved */
  run(command: string, ...operands: string[]): string
  /** Runs commands one after the other in one block. @returns what the block changes */
  runBlock(commands: readonly (readonly [command: string, id: string, ...operands: string[]])[]): Change[]
  trigger(command: string, operands: readonly string[], id: string): Trigger
  text(id: string): string | null
}

export async function openProbe(
  options: {
    isReset?: boolean
    answerOf?: (call: Call) => CallAnswer | undefined
    transaction?: Trigger['transaction']
  } = {},
): Promise<Probe> {
  const subgraph = await loadSubgraph(PROBE_BUILD, 'subgraph.yaml', {}, options)
  const { schema, sources } = subgraph
  const stored = new Map<string, Row>()
  const mappings = openMappings(subgraph, options.answerOf ?? (() => undefined), createLog('silent'))
  const key = (type: EntityType, id: string) => `${type.name} ${id}`
  const store = {
    get: (type: EntityType, id: string) => stored.get(key(type, id)) ?? null,
    referring: (type: EntityType, field: Field, id: string) =>
      [...stored]
        .filter(([name, row]) => name.startsWith(`${type.name} `) && refersTo(row[field.position], id))
        .map(([name]) => name.slice(type.name.length + 1)),
  }
  const result = schema.entities.get('Result')!
  const probe: Probe = {
    subgraph,
    stored,
    trigger(command, operands, id) {
      const header = probeHeader()
      const [source] = sources
      const [handler] = source.definition.handlers.get(COMMAND_TOPIC)!
      const log = commandLog(command, operands, id, header)
      const transaction = options.transaction ?? {
        hash: log.transactionHash,
        transactionIndex: '0x3',
        from: `0x${'44'.repeat(20)}`,
        to: log.address,
        gasPrice: '0x9',
      }
      return { source, handler, log, parameters: decodeEvent(handler, log)!, header, transaction, receipt: null }
    },
    run(command, ...operands) {
      probe.runBlock([[command, 'answer', ...operands]])
      return probe.text('answer') ?? ''
    },
    runBlock(commands) {
      const state = new BlockState(store, schema)
      for (const [command, id, ...operands] of commands) {
        mappings.run(probe.trigger(command, operands, id), state)
        state.keep()
      }
      const changes = state.changes()
      for (const { type, id, after } of changes) {
        if (after) stored.set(key(type, id), after)
        else stored.delete(key(type, id))
      }
      return changes
    },
    text: (id) =>
      (stored.get(key(result, id))?.[result.fieldsByName.get('text')!.position] as string | undefined) ?? null,
  }
  return probe
}
