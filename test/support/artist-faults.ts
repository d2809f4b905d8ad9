import type { Chain, Order } from '../../worker/chain/contract.ts'

/**
 * A chain whose caller may be cut off at each transaction.
 *
 * @param at is called with `wallets:before` and the like: the contract, and whether the transaction has been mined; what it throws
 * is what the caller gets
 */
export function cutOff(chain: Chain, at: (point: string, order: Order) => void): Chain {
  const nameOf = ({ to }: Order) =>
    Object.entries(chain.contracts).find(([, address]) => address.toLowerCase() === to.toLowerCase())?.[0] ?? to
  return {
    ...chain,
    get contracts() {
      return chain.contracts
    },
    async send(order, options) {
      at(`${nameOf(order)}:before`, order)
      const receipt = await chain.send(order, options)
      at(`${nameOf(order)}:after`, order)
      return receipt
    },
  }
}
