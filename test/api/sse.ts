/** Reads a subscription over server-sent events, one result at a time. */
export interface Subscription {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  next(): Promise<any | null>
  close(): void
}

/** Subscribes as a browser would, over `POST` with `Accept: text/event-stream`. */
export async function subscribe(
  url: string,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<Subscription> {
  const controller = new AbortController()
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query, variables }),
    signal: controller.signal,
  })
  if (!response.body) throw new Error('no stream came')
  // Read from now on: a body that nobody has begun to read ends when it is collected as garbage.
  const results = parse(response.body.pipeThrough(new TransformStream()))
  return {
    next: async () => (await results.next()).value ?? null,
    close: () => controller.abort(),
  }
}

async function* parse(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true })
    const blocks = rest.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      if (block.includes('event: complete')) return
      const data = /^data: ?(.+)$/m.exec(block)?.[1]
      if (data) yield JSON.parse(data)
    }
  }
}
