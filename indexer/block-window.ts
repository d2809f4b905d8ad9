import { z } from 'zod'
import { Header, Log } from './answers.ts'
import { type BlockBody, type BodyReader, quantity } from './block-body.ts'
import { Bloom } from './bloom.ts'
import { NodeContradiction, type Rpc, RpcFault } from './rpc.ts'

/** A block that is about to be indexed. */
export interface WindowBlock {
  readonly header: Header
  /** Null while no source is known to have logs in it. */
  body: BlockBody | null
}

/** A run of blocks, read for the sources that were known when it was read. */
export interface BlockWindow {
  readonly from: number
  readonly to: number
  /** Every block when the window is near the head; else those with logs, and the last. In order. */
  readonly blocks: WindowBlock[]
  /** Whether every block is there. */
  readonly isNear: boolean
  /** Header of the block before, where it was asked for. */
  readonly before: Header | null
}

/** Reads runs of blocks with the logs of given addresses. */
export interface WindowReader {
  latest(): Promise<Header>
  /** Null when the chain is not that long. */
  header(number: number): Promise<Header | null>
  headers(numbers: readonly number[]): Promise<(Header | null)[]>
  /**
   * Every header of the run, linked one to the next, with the bodies of blocks that have logs of the addresses.
   *
   * @throws NodeContradiction when the node's answers do not fit each other
   */
  near(from: number, to: number, addresses: readonly string[]): Promise<BlockWindow>
  /** Only blocks with logs of the addresses, and the last block: for what lies so deep that it will not change. */
  far(from: number, to: number, addresses: readonly string[]): Promise<BlockWindow>
  /** Adds to a window, from a block on, what further addresses have there. */
  extend(window: BlockWindow, from: number, addresses: readonly string[]): Promise<void>
}

export function createWindowReader(rpc: Rpc, bodies: BodyReader): WindowReader {
  const headers = async (numbers: readonly number[]): Promise<(Header | null)[]> => {
    const requests = numbers.map((number) => ({
      method: 'eth_getBlockByNumber',
      parameters: [quantity(number), false],
    }))
    const answers = await rpc.askAll(requests, Header.nullable())
    return answers.map((header, index) => {
      if (header instanceof RpcFault) throw header
      if (header && header.number !== numbers[index]) {
        throw new NodeContradiction(`asked for block ${numbers[index]}, the node gave block ${header.number}`)
      }
      return header
    })
  }

  const presentHeaders = async (numbers: readonly number[]): Promise<Header[]> => {
    const found = await headers(numbers)
    return found.map((header, index) => {
      if (!header)
        throw new NodeContradiction(`the node does not have block ${numbers[index]}, though its head is beyond`)
      return header
    })
  }

  /** Numbers and hashes of blocks in which addresses have logs, by the node's own index. */
  const blocksWithLogs = async (
    from: number,
    to: number,
    addresses: readonly string[],
  ): Promise<Map<number, string>> => {
    if (addresses.length === 0) return new Map()
    const filter = { fromBlock: quantity(from), toBlock: quantity(to), address: addresses }
    const logs = await rpc.ask({ method: 'eth_getLogs', parameters: [filter] }, z.array(LogPlace))
    return new Map(logs.map((log) => [log.blockNumber, log.blockHash]))
  }

  /**
   * Blooms tell where logs are, and a chain that keeps none is asked instead: there, blocks with transactions have an empty one.
   */
  const loggedNear = async (found: readonly Header[], addresses: readonly string[]): Promise<Map<number, string>> => {
    const isTold = found.every((header) => header.transactions.length === 0 || Bloom.read(header.logsBloom))
    return isTold ? new Map() : blocksWithLogs(found[0].number, found[found.length - 1].number, addresses)
  }

  /** Reads the bodies that are missing of blocks which have logs by the node's index or by their own bloom. */
  const fill = async (
    blocks: readonly WindowBlock[],
    logged: ReadonlyMap<number, string>,
    addresses: readonly string[],
  ) => {
    const wanted = blocks.filter((block) => {
      if (block.body) return false
      const hash = logged.get(block.header.number)
      if (hash !== undefined && hash !== block.header.hash) {
        throw new NodeContradiction(`block ${block.header.number} has another hash in its logs than in its header`)
      }
      if (hash !== undefined) return true
      const bloom = Bloom.read(block.header.logsBloom)
      return bloom !== null && addresses.some((address) => bloom.mayHave(address))
    })
    if (wanted.length === 0) return
    const read = await bodies.read(wanted.map((block) => block.header))
    wanted.forEach((block, index) => {
      block.body = read[index]
    })
  }

  return {
    async latest() {
      return rpc.ask({ method: 'eth_getBlockByNumber', parameters: ['latest', false] }, Header)
    },
    async header(number) {
      return (await headers([number]))[0]
    },
    headers,
    async near(from, to, addresses) {
      const numbers = range(from, to)
      const found = await presentHeaders(numbers)
      for (let index = 1; index < found.length; index++) {
        if (found[index].parentHash !== found[index - 1].hash) {
          throw new NodeContradiction(`block ${found[index].number} does not follow block ${found[index - 1].number}`)
        }
      }
      const logged = await loggedNear(found, addresses)
      const blocks = found.map((header): WindowBlock => ({ header, body: null }))
      await fill(blocks, logged, addresses)
      return { from, to, blocks, isNear: true, before: null }
    },
    async far(from, to, addresses) {
      const logged = await blocksWithLogs(from, to, addresses)
      const numbers = [...new Set([...logged.keys(), to])].sort((left, right) => left - right)
      const asked = from > 0 ? [from - 1, ...numbers] : numbers
      const found = await presentHeaders(asked)
      const before = from > 0 ? found[0] : null
      const blocks = found.slice(asked.length - numbers.length).map((header): WindowBlock => ({ header, body: null }))
      await fill(blocks, logged, addresses)
      return { from, to, blocks, isNear: false, before }
    },
    async extend(window, from, addresses) {
      if (from > window.to) return
      const later = window.blocks.filter((block) => block.header.number >= from)
      const logged = window.isNear
        ? await loggedNear(
            later.map((block) => block.header),
            addresses,
          )
        : await blocksWithLogs(from, window.to, addresses)
      const known = new Set(window.blocks.map((block) => block.header.number))
      const more = await presentHeaders([...logged.keys()].filter((number) => !known.has(number)))
      const added = more.map((header): WindowBlock => ({ header, body: null }))
      window.blocks.push(...added)
      window.blocks.sort((left, right) => left.header.number - right.header.number)
      await fill([...later, ...added], logged, addresses)
    },
  }
}

const LogPlace = Log.pick({ blockNumber: true, blockHash: true })

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_none, index) => from + index)
