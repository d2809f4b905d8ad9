import { Address, Bytes, dataSource, ethereum } from '@graphprotocol/graph-ts'
import { Emitter, ForeignEvent } from '../generated/schema'
import { eventId } from './ids'

/**
 * Whether an event of the catalog counts: its emitter is allowed by the EmitterChanged seen so far, or named by the data source's context
 * (`emitters`, addresses joined by commas) for contracts that keep no list. If not, it is recorded as a ForeignEvent.
 *
 * An event that does not name its emitter is that of the account which signed the transaction.
 */
export function isOurs(event: ethereum.Event, name: string, clipHash: Bytes, emitter: Address): boolean {
  const known = Emitter.load(emitter)
  if (known !== null && known.isAllowed) return true
  if (isNamedByContext(emitter)) return true
  const foreign = new ForeignEvent(eventId(event))
  foreign.name = name
  foreign.clipHash = clipHash
  foreign.emitter = emitter
  foreign.block = event.block.number
  foreign.timestamp = event.block.timestamp
  foreign.transaction = event.transaction.hash
  foreign.save()
  return false
}

function isNamedByContext(emitter: Address): boolean {
  const named = dataSource.context().get('emitters')
  if (named === null) return false
  const addresses = named.toString().split(',')
  const wanted = emitter.toHexString()
  for (let i = 0; i < addresses.length; i++) if (addresses[i].trim().toLowerCase() == wanted) return true
  return false
}
