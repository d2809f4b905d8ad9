/** A Date reaches no further. */
const LAST_SECOND = 8_640_000_000_000n

/** Unix seconds of the catalog as an instant; null for none. */
export function instantOf(seconds: number | null): Date | null {
  return seconds === null ? null : new Date(seconds * 1000)
}

/** Until when a key is valid; null for one that never expires. */
export function expiryOf(seconds: string): Date | null {
  const value = BigInt(seconds)
  return value > LAST_SECOND ? null : new Date(Number(value) * 1000)
}
