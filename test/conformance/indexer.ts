import { setTimeout as delay } from 'node:timers/promises'

/** Something that indexes the chain and answers graph-node's GraphQL. */
export interface Indexer {
  readonly name: string
  readonly pid: number
  readonly url: string
  stop(): Promise<void>
}

export interface Answer {
  readonly data?: Record<string, unknown> | null
  readonly errors?: readonly { readonly message: string }[]
}

export async function ask(indexer: Indexer, query: string, variables: object = {}): Promise<Answer> {
  const response = await fetch(indexer.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  })
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`${indexer.name}: expected JSON, got ${response.status} ${text.slice(0, 300)}`, { cause })
  }
}

/** Waits until it has indexed exactly this block. @throws when it fails or takes longer */
export async function reaches(indexer: Indexer, hash: string, timeoutSeconds: number): Promise<void> {
  const deadline = performance.now() + timeoutSeconds * 1000
  let last: Answer = {}
  while (performance.now() < deadline) {
    last = await ask(indexer, '{ _meta(subgraphError: allow) { block { number hash } hasIndexingErrors } }').catch(
      () => last,
    )
    const meta = last.data?._meta as { block: { hash: string }; hasIndexingErrors: boolean } | undefined
    if (meta?.hasIndexingErrors) throw new Error(`${indexer.name} has stopped with an indexing error`)
    if (meta?.block.hash === hash) return
    await delay(25)
  }
  throw new Error(`${indexer.name} has not reached ${hash} in ${timeoutSeconds} s; last: ${JSON.stringify(last)}`)
}
