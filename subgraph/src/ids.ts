import { Address, BigInt, Bytes, ethereum } from '@graphprotocol/graph-ts'

const WORD_BYTES = 32

/** Of entities that record one event: transaction hash and log index. */
export function eventId(event: ethereum.Event): Bytes {
  return event.transaction.hash.concatI32(event.logIndex.toI32())
}

/** Of a key: address of the lock and token id as 32 bytes, big-endian. */
export function keyId(lock: Address, tokenId: BigInt): Bytes {
  // A BigInt is little-endian and carries a byte for its sign, which a token id of 2^255 or more puts behind the word.
  const word = new Uint8Array(WORD_BYTES)
  for (let i = 0; i < WORD_BYTES && i < tokenId.length; i++) word[WORD_BYTES - 1 - i] = tokenId[i]
  return lock.concat(Bytes.fromUint8Array(word))
}
