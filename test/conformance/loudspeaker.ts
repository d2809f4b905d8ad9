import { type Hex, keccak256, size, toHex } from 'viem'

/** One log, as a contract emits it. */
export interface Cry {
  /** One to four words of 32 bytes; the first is the event's. */
  readonly topics: readonly Hex[]
  readonly data: Hex
}

/** Of the EVM, as used below. */
const OP = {
  STOP: 0x00,
  ADD: 0x01,
  MUL: 0x02,
  LT: 0x10,
  EQ: 0x14,
  ISZERO: 0x15,
  BYTE: 0x1a,
  CALLDATALOAD: 0x35,
  CALLDATASIZE: 0x36,
  CALLDATACOPY: 0x37,
  MLOAD: 0x51,
  MSTORE: 0x52,
  JUMP: 0x56,
  JUMPI: 0x57,
  JUMPDEST: 0x5b,
  PUSH1: 0x60,
  PUSH2: 0x61,
  LOG0: 0xa0,
} as const

/** Words of memory that hold the loop's variables; the data of a log lies behind them. */
const [CURSOR, COUNT, LENGTH, TOPICS, DATA] = [0x00, 0x20, 0x40, 0x60, 0x80]

/**
 * Code of a contract that emits whatever its calldata says: a catalog without any rules, for histories that the real one refuses.
 *
 * Calldata is a row of logs: one byte with the number of topics, 32 bytes with the length of the data, the data, the topics.
 */
export const LOUDSPEAKER: Hex = assemble()

export function cry(...cries: readonly Cry[]): Hex {
  const parts = cries.map(({ topics, data }) => {
    if (topics.length < 1 || topics.length > 4) throw new Error(`expected 1 to 4 topics, got ${topics.length}`)
    const length = toHex(size(data), { size: 32 }).slice(2)
    return `${toHex(topics.length, { size: 1 }).slice(2)}${length}${data.slice(2)}${topics.map((topic) => topic.slice(2)).join('')}`
  })
  return `0x${parts.join('')}`
}

/** The first topic of an event: `EmitterChanged(address,bool)`. */
export const topicOf = (signature: string): Hex => keccak256(toHex(signature))

function assemble(): Hex {
  const code: (number | { readonly label: string })[] = []
  const labels = new Map<string, number>()
  const put = (...ops: number[]) => code.push(...ops)
  const push = (value: number) => put(OP.PUSH1, value)
  const load = (variable: number) => put(OP.PUSH1, variable, OP.MLOAD)
  const store = (variable: number) => put(OP.PUSH1, variable, OP.MSTORE)
  const jumpTo = (label: string, op: number) => code.push(OP.PUSH2, { label }, 0, op)
  const mark = (label: string) => labels.set(label, code.push(OP.JUMPDEST) - 1)

  mark('next')
  put(OP.CALLDATASIZE)
  load(CURSOR)
  put(OP.LT, OP.ISZERO)
  jumpTo('end', OP.JUMPI)
  load(CURSOR)
  put(OP.CALLDATALOAD)
  push(0)
  put(OP.BYTE)
  store(COUNT)
  load(CURSOR)
  push(1)
  put(OP.ADD, OP.CALLDATALOAD)
  store(LENGTH)
  load(LENGTH)
  load(CURSOR)
  push(33)
  put(OP.ADD)
  push(DATA)
  put(OP.CALLDATACOPY)
  load(CURSOR)
  push(33)
  put(OP.ADD)
  load(LENGTH)
  put(OP.ADD)
  store(TOPICS)
  load(COUNT)
  push(32)
  put(OP.MUL)
  load(TOPICS)
  put(OP.ADD)
  store(CURSOR)
  for (const count of [1, 2, 3, 4]) {
    load(COUNT)
    push(count)
    put(OP.EQ)
    jumpTo(`log${count}`, OP.JUMPI)
  }
  mark('end')
  put(OP.STOP)
  for (const count of [1, 2, 3, 4]) {
    mark(`log${count}`)
    for (let topic = count - 1; topic >= 0; topic--) {
      load(TOPICS)
      push(32 * topic)
      put(OP.ADD, OP.CALLDATALOAD)
    }
    load(LENGTH)
    push(DATA)
    put(OP.LOG0 + count)
    jumpTo('next', OP.JUMP)
  }
  // A label takes two bytes: its own place and the zero behind it.
  const bytes = code.flatMap((op, place) => {
    if (typeof op !== 'number') return [labels.get(op.label)! >> 8, labels.get(op.label)! & 0xff]
    return typeof code[place - 1] === 'object' ? [] : [op]
  })
  return toHex(Uint8Array.from(bytes))
}
