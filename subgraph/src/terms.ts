import { Address, BigInt, ethereum } from '@graphprotocol/graph-ts'
import { Lock, LockEvent } from '../generated/schema'
import { PublicLock } from '../generated/templates/PublicLock/PublicLock'
import { eventId } from './ids'

/** What a lock says of itself at the end of the block; what it does not answer stays as it was. */
export function readTerms(lock: Lock): void {
  const contract = PublicLock.bind(Address.fromBytes(lock.id))
  const name = contract.try_name()
  if (!name.reverted) lock.name = name.value
  const price = contract.try_keyPrice()
  if (!price.reverted) lock.price = price.value
  const currency = contract.try_tokenAddress()
  if (!currency.reverted) lock.currency = currency.value
  const expirationDuration = contract.try_expirationDuration()
  if (!expirationDuration.reverted) lock.expirationDuration = expirationDuration.value
  const maxKeys = contract.try_maxNumberOfKeys()
  if (!maxKeys.reverted) lock.maxKeys = maxKeys.value
  const maxKeysPerAddress = contract.try_maxKeysPerAddress()
  if (!maxKeysPerAddress.reverted) lock.maxKeysPerAddress = maxKeysPerAddress.value
  const version = contract.try_publicLockVersion()
  if (!version.reverted) lock.version = version.value
}

/** A lock of which nothing is known yet: the terms of one that sells nothing. */
export function emptyLock(address: Address): Lock {
  const lock = new Lock(address)
  lock.name = ''
  lock.price = BigInt.zero()
  lock.currency = Address.zero()
  lock.expirationDuration = BigInt.zero()
  lock.maxKeys = BigInt.zero()
  // Locks before version 10 sell one key to an address and have no word for it.
  lock.maxKeysPerAddress = BigInt.fromI32(1)
  lock.version = 0
  lock.totalKeys = BigInt.zero()
  return lock
}

/** Saves a lock whose terms an event has changed, and the event. */
export function saveTerms(event: ethereum.Event, kind: string, lock: Lock): void {
  lock.save()
  const record = new LockEvent(eventId(event))
  record.kind = kind
  record.lock = lock.id
  record.price = lock.price
  record.currency = lock.currency
  record.expirationDuration = lock.expirationDuration
  record.version = lock.version
  record.block = event.block.number
  record.logIndex = event.logIndex.toI32()
  record.timestamp = event.block.timestamp
  record.transaction = event.transaction.hash
  record.save()
}
