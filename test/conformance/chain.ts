import { createPublicClient, type Hex, http, type PublicClient } from 'viem'
import { foundry } from 'viem/chains'

export interface Transaction {
  readonly from: Hex
  readonly to?: Hex
  readonly data: Hex
  readonly value?: bigint
}

/** An anvil, whose accounts sign by themselves. */
export interface TestNode {
  readonly url: string
  readonly reader: PublicClient
  call<T>(method: string, ...params: unknown[]): Promise<T>
  /** Puts all of these into the next block, in this order. What reverts stays in it, without logs. */
  mine(transactions: readonly Transaction[]): Promise<void>
  head(): Promise<{ readonly number: number; readonly hash: Hex }>
}

const GAS = 29_000_000n

export function connect(url: string): TestNode {
  const reader = createPublicClient({ chain: foundry, transport: http(url, { retryCount: 0 }), cacheTime: 0 })
  const call = <T>(method: string, ...params: unknown[]) => reader.request({ method, params } as never) as Promise<T>
  return {
    url,
    reader,
    call,
    async mine(transactions) {
      await call('evm_setAutomine', false)
      for (const { value = 0n, ...transaction } of transactions) {
        const gas = transactions.length === 1 ? GAS : GAS / BigInt(transactions.length)
        await call('eth_sendTransaction', { ...transaction, value: hex(value), gas: hex(gas) })
      }
      await call('evm_mine')
      await call('evm_setAutomine', true)
    },
    async head() {
      const block = await reader.getBlock({ blockTag: 'latest' })
      return { number: Number(block.number), hash: block.hash }
    },
  }
}

const hex = (value: bigint): Hex => `0x${value.toString(16)}`
