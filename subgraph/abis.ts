import { createRequire } from 'node:module'
import type { Abi, AbiEvent, AbiFunction } from 'viem'
import { accountsAbi } from '../contracts/abi/accounts.ts'
import { catalogAbi } from '../contracts/abi/catalog.ts'

type Item = AbiEvent | AbiFunction

/** Locks of every version that has something of its own; the newest first, so that its forms of overloaded names carry no number. */
const LOCK_VERSIONS = [15, 13, 11, 9]
/** What the mappings ask a lock for. */
const LOCK_READS = [
  'name',
  'keyPrice',
  'tokenAddress',
  'expirationDuration',
  'maxNumberOfKeys',
  'maxKeysPerAddress',
  'publicLockVersion',
  'totalSupply',
  'owner',
  'keyExpirationTimestampFor',
  'ownerOf',
  'getTokenIdFor',
  'tokenOfOwnerByIndex',
]
const CATALOG_EVENTS = [
  'ClipRegistered',
  'ClipProcessed',
  'SegmentEncrypted',
  'SongEncrypted',
  'ClipToggled',
  'EmitterChanged',
]
const LOCK_EVENTS = [
  'Transfer',
  'KeyExtended',
  'RenewKeyPurchase',
  'CancelKey',
  'ExpireKey',
  'ExpirationChanged',
  'PricingChanged',
  'LockConfig',
  'LockMetadata',
]

/** The interfaces that the subgraph reads, by name: only what is handled or asked for, taken from the contracts themselves. */
export function subgraphAbis(): Readonly<Record<string, readonly Item[]>> {
  const unlock = createRequire(import.meta.url)('@unlock-protocol/contracts') as Record<string, { abi: Abi }>
  const ofLocks = LOCK_VERSIONS.flatMap((version) => unlock[`PublicLockV${version}`].abi)
  return {
    Catalog: eventsOf(catalogAbi, CATALOG_EVENTS),
    Accounts: eventsOf(accountsAbi, ['AccountCreated']),
    Unlock: eventsOf(unlock.UnlockV14.abi, ['NewLock', 'LockUpgraded']),
    PublicLock: unique([...eventsOf(ofLocks, LOCK_EVENTS), ...readsOf(ofLocks, LOCK_READS)]),
  }
}

/** An event as manifests write it: `Transfer(indexed address,indexed address,indexed uint256)`. */
export function signatureOf(event: AbiEvent): string {
  const inputs = event.inputs.map(({ type, indexed }) => (indexed ? `indexed ${type}` : type))
  return `${event.name}(${inputs.join(',')})`
}

function eventsOf(abi: Abi, names: readonly string[]): AbiEvent[] {
  const events = abi.filter((item) => item.type === 'event')
  return names.flatMap((name) => {
    const found = events.filter((event) => event.name === name)
    if (found.length === 0) throw new Error(`expected the event ${name} in the contract, found none`)
    return found
  })
}

function readsOf(abi: Abi, names: readonly string[]): AbiFunction[] {
  const functions = abi.filter((item) => item.type === 'function')
  return names.flatMap((name) => {
    const found = functions.filter((read) => read.name === name)
    if (found.length === 0) throw new Error(`expected the function ${name} in the contract, found none`)
    return found
  })
}

/** One of each signature: versions share most of theirs. */
function unique(items: readonly Item[]): Item[] {
  const key = (item: Item) =>
    item.type === 'event' ? signatureOf(item) : `${item.name}(${item.inputs.map(({ type }) => type).join(',')})`
  return [...new Map(items.toReversed().map((item) => [key(item), item])).values()].toReversed()
}
