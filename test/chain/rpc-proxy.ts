import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'

/** What befalls a call on its way. */
export type Mishap =
  /** The node never sees it; the connection breaks. */
  | 'lose the question'
  /** The node does it; the connection breaks before the answer. */
  | 'lose the answer'
  /** The node never sees it, and nobody ever answers. */
  | 'hang'
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  /** A lie. */
  | { readonly result: unknown }

export interface RpcProxy {
  /** With a path and a query, as services give out that put a key there. */
  readonly url: string
  /** Methods that were asked, in order. */
  readonly asked: string[]
  /** The next calls of the method meet these, one each. */
  inject(method: string, ...mishaps: readonly Mishap[]): void
  /** Called when a method arrives, before anything else happens. */
  onAsked(listener: (method: string) => void): void
  close(): Promise<void>
}

const Question = z.object({ id: z.number(), method: z.string() })

/** Stands between Refrain and a real node, and breaks what it is told to. */
export async function startRpcProxy(
  target: string,
  path = '/v3/k3y-in-the-path?apikey=k3y-in-the-query',
): Promise<RpcProxy> {
  const asked: string[] = []
  const mishaps: { method: string; mishap: Mishap }[] = []
  let listener: (method: string) => void = () => {}
  const server = createServer((incoming, response) => {
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk)
      const body = Buffer.concat(chunks)
      const { id, method } = Question.parse(JSON.parse(body.toString()))
      asked.push(method)
      listener(method)
      const at = mishaps.findIndex((one) => one.method === method)
      const mishap = at < 0 ? undefined : mishaps.splice(at, 1)[0].mishap
      if (mishap === 'hang') return
      if (mishap === 'lose the question') return void incoming.socket.destroy()
      if (typeof mishap === 'object' && 'status' in mishap) {
        response.writeHead(mishap.status, mishap.headers)
        return void response.end(mishap.body ?? `error at ${incoming.url}`)
      }
      if (typeof mishap === 'object') {
        response.setHeader('content-type', 'application/json')
        return void response.end(JSON.stringify({ jsonrpc: '2.0', id, result: mishap.result }))
      }
      const answer = await fetch(target, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      const text = await answer.text()
      if (mishap === 'lose the answer') return void incoming.socket.destroy()
      response.setHeader('content-type', 'application/json')
      response.end(text)
    })().catch(() => incoming.socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    asked,
    inject: (method, ...more) => void mishaps.push(...more.map((mishap) => ({ method, mishap }))),
    onAsked(next) {
      listener = next
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
