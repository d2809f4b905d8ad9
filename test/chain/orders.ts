import { type Address, encodeFunctionData, zeroAddress } from 'viem'
import { accountsAbi } from '../../contracts/abi/accounts.ts'
import { embeddedAddresses } from '../../contracts/deploy.ts'
import { LOCK_VERSION, publicLockAbi, unlockAbi } from '../../contracts/unlock.ts'
import type { Order } from '../../worker/chain/contract.ts'

/** Somebody who owns accounts in these tests. */
export const somebody: Address = '0x00000000000000000000000000000000000A11cE'

/** Creates the account with a handle. Again for the same owner it changes nothing; for another it reverts. */
export function accountOrder(handle: string, owner: Address = somebody, key = `account ${handle}`): Order {
  return {
    idempotencyKey: key,
    description: `create the account ${handle}`,
    to: embeddedAddresses.accounts,
    data: encodeFunctionData({ abi: accountsAbi, functionName: 'createAccount', args: [owner, handle, ''] }),
  }
}

/** Deploys a lock; its address depends on how many the operator's factory has made. */
export function lockOrder(name: string): Order {
  const setUp = encodeFunctionData({
    abi: publicLockAbi,
    functionName: 'initialize',
    args: [somebody, 2_592_000n, zeroAddress, 1n, 10n, name],
  })
  return {
    idempotencyKey: `lock ${name}`,
    description: `deploy the lock ${name}`,
    to: embeddedAddresses.unlock,
    data: encodeFunctionData({
      abi: unlockAbi,
      functionName: 'createUpgradeableLockAtVersion',
      args: [setUp, LOCK_VERSION],
    }),
  }
}
