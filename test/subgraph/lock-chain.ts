import { createRequire } from 'node:module'
import { type Abi, type Address, encodeFunctionData, type Hex, pad, parseEventLogs, toHex, zeroAddress } from 'viem'
import { expect } from 'vitest'
import { publicLockAbi, publicLockBytecode, unlockAbi } from '../../contracts/unlock.ts'
import { connect } from '../conformance/chain.ts'
import { compareWithContracts } from '../conformance/contract-truth.ts'
import { readEntityTypes } from '../conformance/entities.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { type IndexedChain, indexChain } from './indexed-chain.ts'

export const DAY = 86_400n
export const PRICE = 600_000_000_000_000n

/** Interface of the oldest locks that there are. */
export const lockV9Abi = (createRequire(import.meta.url)('@unlock-protocol/contracts') as Record<string, { abi: Abi }>)
  .PublicLockV9.abi

export type Account = TestChain['operator']

export interface KeyStory {
  readonly owner: string
  readonly isCanceled: boolean
  readonly expiration: string
  readonly events: readonly { readonly kind: string; readonly from: string; readonly to: string }[]
}

/** Unlock's contracts on a chain of a test's own, indexed. */
export interface LockChain {
  readonly chain: TestChain
  readonly indexed: IndexedChain
  createLock(
    artist: Account,
    terms?: { readonly version?: number; readonly price?: bigint; readonly duration?: bigint },
  ): Promise<Address>
  /** What `createLock` calls the lock with: for those who make it in another way. */
  initialization(artist: { readonly address: Address }, price: bigint, duration: bigint): Hex
  /** Calls a lock, by the names of its newest version. */
  at(lock: Address, functionName: string, args: readonly unknown[], account: Account, value?: bigint): Promise<unknown>
  atUnlock(functionName: string, args: readonly unknown[], account: Account): ReturnType<TestChain['write']>
  purchase(lock: Address, buyer: Account): Promise<unknown>
  story(lock: Address, tokenId: bigint): Promise<KeyStory>
  /** Unix seconds of the head. */
  now(): Promise<bigint>
  /** Checks that at every block since the last check, locks and keys as indexed are those that the contracts have. */
  expectTruth(): Promise<void>
}

export async function openLockChain(): Promise<LockChain> {
  const chain = await startTestChain()
  const atUnlock: LockChain['atUnlock'] = (functionName, args, account) =>
    chain.write({ address: chain.contracts.unlock, abi: unlockAbi, functionName, args, account } as never)
  const at: LockChain['at'] = (address, functionName, args, account, value = 0n) =>
    chain.write({ address, abi: publicLockAbi, functionName, args, account, value } as never)
  for (const version of [9, 14]) {
    const { contractAddress } = await chain.send({ data: publicLockBytecode(version), account: chain.deployer })
    await atUnlock('addLockTemplate', [contractAddress, version], chain.deployer)
  }
  const types = await readEntityTypes()
  const indexed = await indexChain(chain)
  let checked = Number(await chain.client.getBlockNumber())
  const initialization: LockChain['initialization'] = (artist, price, duration) =>
    encodeFunctionData({
      abi: publicLockAbi,
      functionName: 'initialize',
      args: [artist.address, duration, zeroAddress, price, 1000n, 'Lantern Road'],
    })
  return {
    chain,
    indexed,
    initialization,
    at,
    atUnlock,
    async createLock(artist, { version = 15, price = PRICE, duration = 30n * DAY } = {}) {
      const data = initialization(artist, price, duration)
      const receipt = await atUnlock('createUpgradeableLockAtVersion', [data, version], artist)
      const [{ args }] = parseEventLogs({ abi: unlockAbi, logs: receipt.logs, eventName: 'NewLock' })
      return args.newLockAddress
    },
    purchase: (lock, buyer) =>
      at(lock, 'purchase', [[PRICE], [buyer.address], [zeroAddress], [zeroAddress], ['0x']], buyer, PRICE),
    async story(lock, tokenId) {
      const { key } = await indexed.query<{ key: KeyStory }>(
        `{ key(id: "${keyId(lock, tokenId)}") { owner isCanceled expiration events(orderBy: block) { kind from to } } }`,
      )
      return key
    },
    now: async () => (await chain.client.getBlock()).timestamp,
    async expectTruth() {
      await indexed.catchUp()
      const head = Number(await chain.client.getBlockNumber())
      let reads = 0
      for (; checked <= head; checked++) {
        const compared = await compareWithContracts(connect(chain.rpcUrl), indexed, types, checked)
        expect(compared.differences).toEqual([])
        reads += compared.reads
      }
      expect(reads).toBeGreaterThan(0)
    },
  }
}

export const kinds = ({ events }: KeyStory): string[] => events.map(({ kind }) => kind).toSorted()
export const lower = ({ address }: Account): string => address.toLowerCase()

const keyId = (lock: Address, tokenId: bigint): Hex => `${lock.toLowerCase() as Hex}${pad(toHex(tokenId)).slice(2)}`
