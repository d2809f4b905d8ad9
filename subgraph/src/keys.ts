import { Address, BigInt, Bytes, ethereum } from '@graphprotocol/graph-ts'
import { Key, KeyEvent, Lock } from '../generated/schema'
import { PublicLock } from '../generated/templates/PublicLock/PublicLock'
import { eventId, keyId } from './ids'
import { later } from './numbers'

/** From this version on a lock's events say how they change a key's expiration and owner; of a new key they never do. */
const TELLS_ALL = 14

/** A key as last known; one whose issue was not seen is taken from the contract. */
export function keyOf(event: ethereum.Event, lock: Lock, tokenId: BigInt): Key {
  const known = Key.load(keyId(event.address, tokenId))
  if (known !== null) return known
  const key = issueKey(event, lock, tokenId, Address.zero())
  const owner = readOwner(key)
  if (owner !== null) key.owner = owner
  return key
}

/** A key as it is issued. A lock may issue a token id again: version 14 does so after a key was burned. */
export function issueKey(event: ethereum.Event, lock: Lock, tokenId: BigInt, owner: Address): Key {
  const key = new Key(keyId(event.address, tokenId))
  key.lock = lock.id
  key.tokenId = tokenId
  key.owner = owner
  key.isCanceled = false
  key.createdAt = event.block.timestamp
  key.createdAtBlock = event.block.number
  const expiration = readExpiration(key)
  // What a lock that does not answer has promised.
  key.expiration = expiration === null ? later(event.block.timestamp, lock.expirationDuration) : expiration
  return key
}

/** What the contract says at the end of the block; null when it does not answer. */
function readExpiration(key: Key): BigInt | null {
  const contract = PublicLock.bind(Address.fromBytes(key.lock))
  const byToken = contract.try_keyExpirationTimestampFor(key.tokenId)
  if (!byToken.reverted) return byToken.value
  // Version 9 keeps one key for each address.
  const byOwner = contract.try_keyExpirationTimestampFor1(Address.fromBytes(key.owner))
  return byOwner.reverted ? null : byOwner.value
}

/** Who the contract says holds a key at the end of the block; null when it does not answer. */
function readOwner(key: Key): Address | null {
  const owner = PublicLock.bind(Address.fromBytes(key.lock)).try_ownerOf(key.tokenId)
  return owner.reverted ? null : owner.value
}

/** Saves a key that an event has changed, and the event. */
export function saveKey(event: ethereum.Event, kind: string, lock: Lock, key: Key, from: Bytes): void {
  if (lock.version < TELLS_ALL) {
    const owner = readOwner(key)
    if (owner !== null) key.owner = owner
    const expiration = readExpiration(key)
    if (expiration !== null) key.expiration = expiration
  }
  key.isCanceled = kind == 'CANCELED'
  key.save()
  const record = new KeyEvent(eventId(event))
  record.kind = kind
  record.key = key.id
  record.lock = lock.id
  record.from = from
  record.to = key.owner
  record.expiration = key.expiration
  record.block = event.block.number
  record.logIndex = event.logIndex.toI32()
  record.timestamp = event.block.timestamp
  record.transaction = event.transaction.hash
  record.save()
}
