import { BigInt } from '@graphprotocol/graph-ts'

/** The largest uint256: the expiration of a key that never expires. */
export const NEVER = BigInt.fromI32(2).pow(255).times(BigInt.fromI32(2)).minus(BigInt.fromI32(1))

const LARGEST_INT = BigInt.fromI32(i32.MAX_VALUE)

/** An Int has 32 bits and a sign: what is larger becomes the largest there is, rather than stop the subgraph. */
export function toInt(value: BigInt): i32 {
  return value.gt(LARGEST_INT) ? i32.MAX_VALUE : value.toI32()
}

/** A moment so many seconds later, at most NEVER. */
export function later(instant: BigInt, seconds: BigInt): BigInt {
  const sum = instant.plus(seconds)
  return sum.gt(NEVER) ? NEVER : sum
}
