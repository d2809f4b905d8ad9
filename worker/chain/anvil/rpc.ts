import { z } from 'zod'

const Answer = z.union([
  z.object({ result: z.unknown(), error: z.undefined().optional() }),
  z.object({ error: z.object({ message: z.string() }) }),
])
const Quantity = z.string().transform(Number)
const Head = z.object({ hash: z.string(), number: Quantity, timestamp: Quantity })

/** The newest block. */
export type Head = z.output<typeof Head>

/** Asks an anvil on this machine. @throws Error when it does not answer in time or refuses */
export async function askAnvil(
  port: number,
  method: string,
  params: readonly unknown[] = [],
  timeoutMs = 10_000,
): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(timeoutMs),
  })
  const answer = Answer.parse(await response.json())
  if (answer.error) throw new Error(`anvil refused ${method}: ${answer.error.message}`)
  return answer.result
}

export async function askHead(port: number): Promise<Head> {
  return Head.parse(await askAnvil(port, 'eth_getBlockByNumber', ['latest', false]))
}
