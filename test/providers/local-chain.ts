import { createPublicClient, type Hex, http, type TransactionReceipt } from 'viem'
import type { Chain, Order } from '../../worker/chain/contract.ts'
import { ProviderRejected } from '../../worker/errors.ts'
import type { Vault } from '../../worker/vault/contract.ts'
import type { TestChain } from '../support/chain.ts'

/** A chain that remembers its orders for as long as the test runs, and the orders that came. */
export function localChain(chain: TestChain): Chain & { readonly orders: Order[] } {
  const sent = new Map<string, Promise<TransactionReceipt>>()
  const orders: Order[] = []
  let last: Promise<unknown> = Promise.resolve()
  return {
    id: async () => chain.chainId,
    reader: createPublicClient({ transport: http(chain.rpcUrl, { retryCount: 0 }), pollingInterval: 10, cacheTime: 0 }),
    contracts: chain.contracts,
    operator: chain.operator.address,
    signMessage: (message) => chain.operator.signMessage({ message }),
    orders,
    send(order) {
      orders.push(order)
      const before = sent.get(order.idempotencyKey)
      if (before) return before
      // One after another: they share a nonce.
      const receipt = last
        .then(() => chain.send({ to: order.to, data: order.data, value: order.value ?? 0n }))
        .catch((cause: Error) => Promise.reject(new ProviderRejected('chain', 'would revert', { cause })))
      last = receipt.catch(() => undefined)
      sent.set(order.idempotencyKey, receipt)
      return receipt
    },
  }
}

/** A vault in memory, and what is in it. */
export function localVault(): Vault & { readonly secrets: Map<string, Uint8Array<ArrayBuffer>> } {
  const secrets = new Map<string, Uint8Array<ArrayBuffer>>()
  return {
    secrets,
    async keep(name, make) {
      const secret = secrets.get(name) ?? make()
      secrets.set(name, secret)
      return secret
    },
    open: async (name) => secrets.get(name) ?? null,
  }
}

export const hexOf = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`
