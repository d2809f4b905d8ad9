import ipaddr from 'ipaddr.js'

export interface Rate {
  /** Takes one turn. @returns 0, or after how many seconds there is the next one */
  take(key: string): number
}

/**
 * At most `perMinute` turns a minute for each key, and as many at once. Remembers a bounded number of keys: when there are more,
 * the one that was not seen for longest begins afresh.
 */
export function createRate(options: { perMinute: number; maxKeys?: number; now?: () => number }): Rate {
  const { perMinute, maxKeys = 10_000, now = Date.now } = options
  const buckets = new Map<string, { readonly turns: number; readonly at: number }>()
  return {
    take(key) {
      const at = now()
      const before = buckets.get(key)
      const refilled = before ? before.turns + ((at - before.at) / 60_000) * perMinute : perMinute
      const turns = Math.min(perMinute, refilled)
      const isGiven = turns >= 1
      buckets.delete(key)
      buckets.set(key, { turns: isGiven ? turns - 1 : turns, at })
      if (buckets.size > maxKeys) for (const oldest of buckets.keys()) if (buckets.delete(oldest)) break
      return isGiven ? 0 : Math.max(1, Math.ceil(((1 - turns) * 60) / perMinute))
    },
  }
}

/** Who counts as one caller: an IPv4 address, or the 64 bits of an IPv6 network, in which one host can take any address. */
export function callerOf(remoteAddress: string | undefined): string {
  if (!remoteAddress || !ipaddr.isValid(remoteAddress)) return 'unknown'
  const address = ipaddr.process(remoteAddress)
  return address instanceof ipaddr.IPv6 ? address.parts.slice(0, 4).join(':') : address.toString()
}
