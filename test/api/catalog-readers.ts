import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { type Subscription, subscribe } from './sse.ts'

/** Subscribes over server-sent events and reads from then on: a body that nobody has begun to read is given up by `fetch`. */
export async function subscribeStream(
  url: string,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<Subscription> {
  const live = await subscribe(url, query, variables)
  let begun: ReturnType<Subscription['next']> | null = live.next()
  // Whoever closes without reading does not hear of it.
  begun.catch(() => {})
  return {
    next() {
      const first = begun
      begun = null
      return first ?? live.next()
    },
    close: live.close,
  }
}

/** Subscribes over WebSocket, in the form of a subscription over server-sent events. */
export function subscribeSocket(url: string, query: string, variables: Record<string, unknown> = {}): Subscription {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    lazyCloseTimeout: 0,
  })
  const results = client.iterate({ query, variables })
  return {
    next: async () => (await results.next()).value ?? null,
    close: () => void client.dispose(),
  }
}

/** The ways in which clients subscribe. */
export const TRANSPORTS = {
  'server-sent events': subscribeStream,
  WebSocket: async (url: string, query: string, variables?: Record<string, unknown>) =>
    subscribeSocket(url, query, variables),
}
export type Transport = keyof typeof TRANSPORTS
export const TRANSPORT_NAMES = Object.keys(TRANSPORTS) as Transport[]

/** The next events of a subscription to one field. @throws when an error or the end comes instead */
export async function take<Taken>(live: Subscription, count: number): Promise<Taken[]> {
  const taken: Taken[] = []
  while (taken.length < count) {
    const result = await live.next()
    if (!result?.data) throw new Error(`expected an event, got ${JSON.stringify(result)}`)
    taken.push(Object.values(result.data)[0] as Taken)
  }
  return taken
}
