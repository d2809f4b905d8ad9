import { Address, Bytes, dataSource, ethereum } from '@graphprotocol/graph-ts'
import {
  ClipProcessed,
  ClipRegistered,
  ClipToggled,
  EmitterChanged,
  SegmentEncrypted,
  SongEncrypted,
} from '../generated/Catalog/Catalog'
import { Clip, ClipEvent, Emitter, Segment } from '../generated/schema'
import { isOurs } from './emitters'
import { eventId } from './ids'
import { toInt } from './numbers'

// Any of a clip's events may come first: each handler writes the fields of its own event, and where two events speak of one field
// (`spotifyTrackId`, `metadataUri`) the same one prevails, whichever comes last.

export function handleClipRegistered(event: ClipRegistered): void {
  const params = event.params
  if (!isOurs(event, 'ClipRegistered', params.clipHash, params.registeredBy)) return
  const clip = clipOf(params.clipHash)
  clip.grc20WorkId = params.grc20WorkId
  clip.spotifyTrackId = params.spotifyTrackId
  clip.startMs = toInt(params.clipStartMs)
  clip.endMs = toInt(params.clipEndMs)
  if (clip.processedAt === null || clip.metadataUri === null) clip.metadataUri = params.metadataUri
  // What is registered again may say something new; who did it first, and when, stays.
  if (!clip.isRegistered) {
    clip.isRegistered = true
    clip.registeredBy = params.registeredBy
    clip.registeredAt = event.block.timestamp
    clip.registeredAtBlock = event.block.number
  }
  clip.save()
  recordOf(event, clip.id, 'REGISTERED', params.registeredBy).save()
}

export function handleClipProcessed(event: ClipProcessed): void {
  const params = event.params
  const emitter = event.transaction.from
  if (!isOurs(event, 'ClipProcessed', params.clipHash, emitter)) return
  const clip = clipOf(params.clipHash)
  clip.instrumentalUri = params.instrumentalUri
  clip.alignmentUri = params.alignmentUri
  clip.translationCount = params.translationCount
  clip.processedAt = event.block.timestamp
  if (params.metadataUri != '') clip.metadataUri = params.metadataUri
  clip.save()
  recordOf(event, clip.id, 'PROCESSED', emitter).save()
}

export function handleClipToggled(event: ClipToggled): void {
  const params = event.params
  const emitter = event.transaction.from
  if (!isOurs(event, 'ClipToggled', params.clipHash, emitter)) return
  const clip = clipOf(params.clipHash)
  clip.isEnabled = params.enabled
  clip.save()
  const record = recordOf(event, clip.id, 'TOGGLED', emitter)
  record.isEnabled = params.enabled
  record.save()
}

export function handleSegmentEncrypted(event: SegmentEncrypted): void {
  const params = event.params
  const segment = new Segment(params.clipHash)
  segment.spotifyTrackId = params.spotifyTrackId
  segment.encryptedFullUri = params.encryptedFullUri
  segment.manifestUri = params.encryptedManifestUri
  segment.metadataUri = params.metadataUri
  segment.lockAddress = params.unlockLockAddress
  segment.lockChainId = toInt(params.unlockChainId)
  encrypt(event, 'SegmentEncrypted', segment)
}

/** The older name of SegmentEncrypted. */
export function handleSongEncrypted(event: SongEncrypted): void {
  const params = event.params
  const segment = new Segment(params.clipHash)
  segment.spotifyTrackId = params.spotifyTrackId
  segment.encryptedFullUri = params.encryptedFullUri
  segment.manifestUri = params.encryptedManifestUri
  segment.metadataUri = params.metadataUri
  segment.lockAddress = params.unlockLockAddress
  segment.lockChainId = toInt(params.unlockChainId)
  encrypt(event, 'SongEncrypted', segment)
}

export function handleEmitterChanged(event: EmitterChanged): void {
  const emitter = new Emitter(event.params.emitter)
  emitter.isAllowed = event.params.isAllowed
  emitter.save()
}

/** An encryption that says what the segment already says is the same one, told again or under its other name: it is no second event. */
function encrypt(event: ethereum.Event, name: string, segment: Segment): void {
  const emitter = event.transaction.from
  if (!isOurs(event, name, segment.id, emitter)) return
  const known = Segment.load(segment.id)
  if (known !== null && saysTheSame(known, segment)) return
  const clip = clipOf(segment.id)
  if (!clip.isRegistered) clip.spotifyTrackId = segment.spotifyTrackId
  clip.save()
  segment.clip = clip.id
  segment.lock =
    isIndexedHere(segment.lockChainId) && segment.lockAddress != Address.zero() ? segment.lockAddress : null
  segment.encryptedAt = event.block.timestamp
  segment.encryptedAtBlock = event.block.number
  segment.save()
  const record = recordOf(event, clip.id, 'ENCRYPTED', emitter)
  record.lockAddress = segment.lockAddress
  record.save()
}

function saysTheSame(one: Segment, other: Segment): boolean {
  return (
    one.encryptedFullUri == other.encryptedFullUri &&
    one.manifestUri == other.manifestUri &&
    one.metadataUri == other.metadataUri &&
    one.spotifyTrackId == other.spotifyTrackId &&
    one.lockAddress == other.lockAddress &&
    one.lockChainId == other.lockChainId
  )
}

/**
 * Whether locks of this chain are those of this subgraph. A segment then refers to its lock even before the lock appears: it reads as
 * null until then, and the order of the two does not matter.
 */
function isIndexedHere(chainId: i32): boolean {
  const own = dataSource.context().get('chainId')
  return own !== null && own.toI32() == chainId
}

function clipOf(clipHash: Bytes): Clip {
  const known = Clip.load(clipHash)
  if (known !== null) return known
  const clip = new Clip(clipHash)
  clip.isRegistered = false
  clip.isEnabled = true
  return clip
}

function recordOf(event: ethereum.Event, clipHash: Bytes, kind: string, emitter: Address): ClipEvent {
  const record = new ClipEvent(eventId(event))
  record.kind = kind
  record.clip = clipHash
  record.emitter = emitter
  record.block = event.block.number
  record.logIndex = event.logIndex.toI32()
  record.timestamp = event.block.timestamp
  record.transaction = event.transaction.hash
  return record
}
