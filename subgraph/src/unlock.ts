import { Address } from '@graphprotocol/graph-ts'
import { Lock } from '../generated/schema'
import { PublicLock } from '../generated/templates'
import { PublicLock as LockContract } from '../generated/templates/PublicLock/PublicLock'
import { LockUpgraded, NewLock } from '../generated/Unlock/Unlock'
import { artistOf } from './artists'
import { emptyLock, readTerms, saveTerms } from './terms'

/** A new lock is followed from the first log of this block on, although its own come before NewLock. */
export function handleNewLock(event: NewLock): void {
  if (Lock.load(event.params.newLockAddress) !== null) return
  const artist = artistOf(ownerOf(event.params.newLockAddress, event.params.lockOwner))
  artist.save()
  const lock = emptyLock(event.params.newLockAddress)
  lock.artist = artist.id
  lock.createdAt = event.block.timestamp
  lock.createdAtBlock = event.block.number
  readTerms(lock)
  saveTerms(event, 'CREATED', lock)
  PublicLock.create(event.params.newLockAddress)
}

/** NewLock names who sent it, which need not be whom the lock is for. */
function ownerOf(lock: Address, sender: Address): Address {
  const owner = LockContract.bind(lock).try_owner()
  return owner.reverted ? sender : owner.value
}

export function handleLockUpgraded(event: LockUpgraded): void {
  const lock = Lock.load(event.params.lockAddress)
  if (lock === null) return
  readTerms(lock)
  lock.version = event.params.version
  saveTerms(event, 'UPGRADED', lock)
}
