import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Hex } from 'viem'
import { type ChainConfig, type OpenChains, openChains } from '../../worker/chain/open.ts'
import type { Patience } from '../../worker/chain/patience.ts'
import { type Client, openClient } from '../../worker/db/client.ts'
import { createLog } from '../../worker/log.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

export interface Stored {
  readonly idempotency_key: string
  readonly nonce: number
  readonly status: string
  readonly hash: Hex
  readonly hashes: readonly Hex[]
  readonly block_hash: Hex | null
  readonly error: string | null
  readonly description: string
}

/** A database of a test's own, and chains opened on it. */
export interface Office {
  readonly database: TestDatabase
  readonly client: Client
  /** Every line that was logged. */
  readonly lines: string[]
  open(
    config: ChainConfig,
    patience?: Partial<Patience>,
    transport?: { timeoutMs?: number; retries?: number },
  ): OpenChains
  /** What is recorded, by nonce. */
  stored(): Promise<Stored[]>
  close(): Promise<void>
}

export async function openOffice(): Promise<Office> {
  const database = await createTestDatabase()
  const client = openClient(database.url)
  const lines: string[] = []
  const log = createLog('debug', (line) => lines.push(line))
  return {
    database,
    client,
    lines,
    open(config, patience, transport) {
      const chains = openChains({
        config,
        client,
        log,
        ...(patience ? { patience } : {}),
        ...(transport ? { transport } : {}),
      })
      if (!chains) throw new Error('expected chains')
      return chains
    },
    async stored() {
      const { rows } = await client.pool.query<Stored>('select * from chain_transactions order by chain_id, nonce')
      return rows
    },
    async close() {
      await client.close()
      await database.drop()
    },
  }
}

/** Runs `count` account orders in a process of its own; prints the hash of each. */
export function sendElsewhere(options: {
  readonly databaseUrl: string
  readonly rpcUrl: string
  readonly handles: readonly string[]
}): { readonly child: ChildProcess; readonly hashes: Promise<string[]> } {
  const child = spawn(
    process.execPath,
    [new URL('send-process.ts', import.meta.url).pathname, JSON.stringify(options)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const hashes = (async () => {
    const lines: string[] = []
    for await (const line of createInterface(child.stdout)) lines.push(line)
    return lines
  })()
  return { child, hashes }
}
