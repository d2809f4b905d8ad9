import { type Address, encodeFunctionData, formatEther, zeroAddress } from 'viem'
import { publicLockAbi } from '../../../contracts/unlock.ts'
import type { Chain } from '../../chain/contract.ts'
import { Blocked } from '../../errors.ts'
import { readChain } from '../read-chain.ts'

/**
 * Makes sure that the operator holds a valid key to a lock: buys one, or extends the one that has expired.
 *
 * @param options.idempotencyKey the same key is the same purchase; a key that has expired since is another one
 * @throws Blocked when the lock takes a token or asks more than `mostWei`
 */
export async function holdKey(
  chain: Chain,
  lock: Address,
  options: { readonly mostWei: bigint; readonly idempotencyKey: string; readonly signal: AbortSignal },
): Promise<void> {
  const holder = chain.operator
  const read = { address: lock, abi: publicLockAbi } as const
  const [balance, price, token, total] = await readChain(() =>
    Promise.all([
      chain.reader.readContract({ ...read, functionName: 'balanceOf', args: [holder] }),
      chain.reader.readContract({ ...read, functionName: 'keyPrice' }),
      chain.reader.readContract({ ...read, functionName: 'tokenAddress' }),
      chain.reader.readContract({ ...read, functionName: 'totalKeys', args: [holder] }),
    ]),
  )
  if (balance > 0n) return
  if (token !== zeroAddress)
    throw new Blocked(`the lock ${lock} is paid in the token ${token}, which is not bought here`)
  if (price > options.mostWei)
    throw new Blocked(
      `a key to the lock ${lock} costs ${formatEther(price)}, more than ${formatEther(options.mostWei)}`,
    )
  const expired = total === 0n ? null : await expiredKey(chain, lock, holder)
  const data = expired
    ? encodeFunctionData({
        abi: publicLockAbi,
        functionName: 'extend',
        args: [price, expired.tokenId, zeroAddress, '0x'],
      })
    : encodeFunctionData({
        abi: publicLockAbi,
        functionName: 'purchase',
        args: [[price], [holder], [zeroAddress], [zeroAddress], ['0x']],
      })
  const period = expired ? `extended from ${expired.expiration}` : 'first'
  await chain.send(
    {
      idempotencyKey: `${options.idempotencyKey}:${lock.toLowerCase()}:${period}`,
      description: `hold a key to the lock ${lock}`,
      to: lock,
      data,
      value: price,
    },
    { signal: options.signal },
  )
}

async function expiredKey(chain: Chain, lock: Address, holder: Address) {
  const read = { address: lock, abi: publicLockAbi } as const
  return await readChain(async () => {
    const tokenId = await chain.reader.readContract({
      ...read,
      functionName: 'tokenOfOwnerByIndex',
      args: [holder, 0n],
    })
    const expiration = await chain.reader.readContract({
      ...read,
      functionName: 'keyExpirationTimestampFor',
      args: [tokenId],
    })
    return { tokenId, expiration }
  })
}
