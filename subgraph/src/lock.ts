import { Address, BigInt } from '@graphprotocol/graph-ts'
import { Lock } from '../generated/schema'
import {
  CancelKey,
  ExpirationChanged,
  ExpirationChanged1,
  ExpirationChanged2,
  ExpireKey,
  KeyExtended,
  LockConfig,
  LockMetadata,
  PricingChanged,
  PublicLock,
  RenewKeyPurchase,
  Transfer,
} from '../generated/templates/PublicLock/PublicLock'
import { issueKey, keyOf, saveKey } from './keys'
import { saveTerms } from './terms'

/** Issue, change of hands and burning. */
export function handleTransfer(event: Transfer): void {
  const lock = Lock.load(event.address)
  if (lock === null) return
  const params = event.params
  if (params.from == Address.zero() || params.to == Address.zero()) {
    lock.totalKeys = countKeys(lock, params.from == Address.zero() ? 1 : -1)
    lock.save()
  }
  if (params.from == Address.zero()) {
    saveKey(event, 'PURCHASED', lock, issueKey(event, lock, params.tokenId, params.to), params.from)
    return
  }
  const key = keyOf(event, lock, params.tokenId)
  key.owner = params.to
  saveKey(event, 'TRANSFERRED', lock, key, params.from)
}

/**
 * How many keys the contract says there are, at the end of the block. It has to be asked: a burned key that a manager gives away again,
 * or shares, looks like one that is issued.
 */
function countKeys(lock: Lock, change: i32): BigInt {
  const supply = PublicLock.bind(Address.fromBytes(lock.id)).try_totalSupply()
  return supply.reverted ? lock.totalKeys.plus(BigInt.fromI32(change)) : supply.value
}

export function handleKeyExtended(event: KeyExtended): void {
  const lock = Lock.load(event.address)
  if (lock === null) return
  const key = keyOf(event, lock, event.params.tokenId)
  key.expiration = event.params.newTimestamp
  saveKey(event, 'EXTENDED', lock, key, key.owner)
}

/** Locks before version 10 name the owner of the one key they renew. */
export function handleRenewKeyPurchase(event: RenewKeyPurchase): void {
  const lock = Lock.load(event.address)
  if (lock === null) return
  const contract = PublicLock.bind(event.address)
  let tokenId = contract.try_getTokenIdFor(event.params.owner)
  if (tokenId.reverted) tokenId = contract.try_tokenOfOwnerByIndex(event.params.owner, BigInt.zero())
  if (tokenId.reverted) return
  const key = keyOf(event, lock, tokenId.value)
  key.expiration = event.params.newExpiration
  saveKey(event, 'EXTENDED', lock, key, key.owner)
}

export function handleCancelKey(event: CancelKey): void {
  const lock = Lock.load(event.address)
  if (lock === null) return
  const key = keyOf(event, lock, event.params.tokenId)
  key.expiration = event.block.timestamp
  saveKey(event, 'CANCELED', lock, key, event.params.owner)
}

/** Emitted when all of a key's time is shared with another; a key that runs out emits nothing. */
export function handleExpireKey(event: ExpireKey): void {
  const lock = Lock.load(event.address)
  if (lock === null) return
  const key = keyOf(event, lock, event.params.tokenId)
  key.expiration = event.block.timestamp
  saveKey(event, 'EXPIRED', lock, key, key.owner)
}

export function handleExpirationChanged(event: ExpirationChanged): void {
  const lock = Lock.load(event.address)
  if (lock === null) return
  const key = keyOf(event, lock, event.params.tokenId)
  key.expiration = event.params.newExpiration
  saveKey(event, 'EXPIRATION_CHANGED', lock, key, key.owner)
}

/** As versions 12 and 13 emit it. */
export function handleExpirationChangedV12(event: ExpirationChanged1): void {
  const lock = Lock.load(event.address)
  if (lock === null) return
  const key = keyOf(event, lock, event.params.tokenId)
  key.expiration = event.params.newExpiration
  saveKey(event, 'EXPIRATION_CHANGED', lock, key, key.owner)
}

/** As versions 9 to 11 emit it: by how much, which the contract then knows the sum of. */
export function handleExpirationChangedV9(event: ExpirationChanged2): void {
  const lock = Lock.load(event.address)
  if (lock === null) return
  const key = keyOf(event, lock, event.params._tokenId)
  saveKey(event, 'EXPIRATION_CHANGED', lock, key, key.owner)
}

export function handlePricingChanged(event: PricingChanged): void {
  const lock = Lock.load(event.address)
  if (lock === null) return
  lock.price = event.params.keyPrice
  lock.currency = event.params.tokenAddress
  saveTerms(event, 'PRICING_CHANGED', lock)
}

export function handleLockConfig(event: LockConfig): void {
  const lock = Lock.load(event.address)
  if (lock === null) return
  lock.expirationDuration = event.params.expirationDuration
  lock.maxKeys = event.params.maxNumberOfKeys
  lock.maxKeysPerAddress = event.params.maxKeysPerAcccount
  saveTerms(event, 'CONFIG_CHANGED', lock)
}

export function handleLockMetadata(event: LockMetadata): void {
  const lock = Lock.load(event.address)
  if (lock === null) return
  lock.name = event.params.name
  saveTerms(event, 'METADATA_CHANGED', lock)
}
