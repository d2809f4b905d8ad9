import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Asked {
  readonly method: string
  // biome-ignore lint/suspicious/noExplicitAny: JSON-RPC parameters have a form for every method
  readonly params: any[]
}

/** The way to a chain's node, and what may go wrong on it. */
export interface NodeProxy {
  readonly url: string
  /** Requests so far, by method. */
  readonly asked: Map<string, number>
  /** Closes every connection without an answer. */
  isDown: boolean
  delayMs: number
  /** Answers with this HTTP status instead of passing the request on. */
  status: number | null
  /**
   * Changes answers. Gets the request and the node's answer (`{result}` or `{error}`) and returns another, or the same.
   */
  // biome-ignore lint/suspicious/noExplicitAny: an answer is whatever a node may say
  tamper: ((asked: Asked, answer: any) => any) | null
  stop(): Promise<void>
}

/** A node that behaves as told, in front of one that behaves. */
export async function startNodeProxy(targetUrl: string): Promise<NodeProxy> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    await sleep(proxy.delayMs)
    if (proxy.isDown) return void request.socket.destroy()
    if (proxy.status !== null) return void response.writeHead(proxy.status).end('refused')
    try {
      const headers = { 'content-type': 'application/json' }
      const answered = await fetch(targetUrl, { method: 'POST', headers, body })
      const sent = JSON.parse(body.toString('utf8'))
      let answers = JSON.parse(await answered.text())
      const list = [sent].flat()
      for (const { method } of list) proxy.asked.set(method, (proxy.asked.get(method) ?? 0) + 1)
      if (proxy.tamper) {
        const byId = new Map(list.map((asked) => [asked.id, asked]))
        const changed = [answers]
          .flat()
          .map((answer) => ({ ...proxy.tamper?.(byId.get(answer.id), answer), id: answer.id }))
        answers = Array.isArray(answers) ? changed : changed[0]
      }
      response.writeHead(200, headers).end(JSON.stringify(answers))
    } catch {
      request.socket.destroy()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: NodeProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: new Map(),
    isDown: false,
    delayMs: 0,
    status: null,
    tamper: null,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}
