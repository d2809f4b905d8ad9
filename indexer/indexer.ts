import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { type Client, createSession } from '../worker/db/client.ts'
import { ProviderUnavailable } from '../worker/errors.ts'
import type { Log as Logger } from '../worker/log.ts'
import type { Http } from '../worker/net/http.ts'
import { Header } from './answers.ts'
import { createBodyReader } from './block-body.ts'
import { createWindowReader } from './block-window.ts'
import { follow } from './follow.ts'
import { onChain, type Subgraph } from './manifest.ts'
import { ReorgTooDeep } from './reorg.ts'
import { openRpc, type Rpc, RpcFault } from './rpc.ts'
import { EntityStore } from './store/entity-store.ts'
import { dropSuperseded, openDeployment } from './store/open-deployment.ts'
import { createStatusWriter, type StatusWriter } from './store/status.ts'

export interface IndexerOptions {
  readonly client: Client
  /** Under which the deployment is asked for. */
  readonly name: string
  readonly subgraph: Subgraph
  /** The chain's node. May carry a credential: never told anywhere. */
  readonly rpcUrl: string
  readonly log: Logger
  readonly signal: AbortSignal
  readonly http?: Http
  /** How long to wait between two looks at the head; half a second, or a fifth of one when the node is on this machine. */
  readonly pollMs?: number
  /** Blocks behind the head that a re-org may take back. */
  readonly reorgBlocks?: number
  /** Versions of entities written at a time while catching up. */
  readonly batchSize?: number
  /** Entities held in memory at most. */
  readonly cacheCapacity?: number
  /** Time limit of one exchange with the node. */
  readonly rpcTimeoutMs?: number
}

const REORG_BLOCKS = 1_000
const BATCH_SIZE = 10_000
const CACHE_CAPACITY = 100_000
/** How often a second process looks whether the first has gone. */
const LOCK_RETRY_MS = 500
const REOPEN_MS = 500
const MAX_REOPEN_MS = 30_000
const LOCAL_POLL_MS = 200
const REMOTE_POLL_MS = 500

/**
 * Indexes one subgraph from one chain until the signal aborts. A second one of the same name waits until the first is gone.
 *
 * What fails is waited for and tried again, and the deployment's row says so; only a fault of the subgraph itself stands still.
 */
export async function runIndexer(options: IndexerOptions): Promise<void> {
  const { name, signal, client } = options
  const log = options.log.with({ deployment: name })
  for (let failures = 0; !signal.aborted; failures++) {
    const lock = await takeLock(client.url, name, signal, log)
    if (!lock) break
    const inner = AbortSignal.any([signal, lock.lost])
    const startedMs = performance.now()
    try {
      await indexOnce({ ...options, log, signal: inner })
    } catch (error) {
      if (!signal.aborted) log.error('indexing is interrupted and begins again from what is stored', { error })
    } finally {
      await lock.release()
    }
    if (performance.now() - startedMs > MAX_REOPEN_MS) failures = 0
    await sleep(Math.min(MAX_REOPEN_MS, REOPEN_MS * 2 ** failures), undefined, { signal }).catch(() => {})
  }
}

async function indexOnce(options: IndexerOptions): Promise<void> {
  const { client, name, rpcUrl, signal, log } = options
  let status: StatusWriter | null = null
  const rpc = openRpc(rpcUrl, {
    signal,
    // Best effort: what is wrong with the database shows elsewhere.
    onSlow: (message) => void status?.say('waiting', message).catch(() => {}),
    ...(options.http ? { http: options.http } : {}),
    ...(options.rpcTimeoutMs ? { timeoutMs: options.rpcTimeoutMs } : {}),
  })
  const chain = await identifyChain(rpc, log, signal)
  const subgraph = onChain(options.subgraph, chain.id)
  const opened = await openDeployment(client, name, subgraph, chain)
  const { deployment } = opened
  const store = new EntityStore({
    client,
    place: { deploymentId: deployment.id, schema: deployment.schema, chainId: chain.id },
    schema: subgraph.schema,
    block: deployment.block,
    earliestBlock: deployment.earliestBlock,
    hasColumnIndexes: opened.hasColumnIndexes,
    sourceCount: opened.created.length,
    cacheCapacity: options.cacheCapacity ?? CACHE_CAPACITY,
  })
  await store.open()
  status = createStatusWriter(client, deployment.id)
  const isLocal = /^https?:\/\/(127\.|localhost|\[::1\])/.test(rpcUrl)
  try {
    await follow({
      subgraph,
      opened,
      store,
      status,
      rpc,
      reader: createWindowReader(rpc, createBodyReader(rpc)),
      pollMs: options.pollMs ?? (isLocal ? LOCAL_POLL_MS : REMOTE_POLL_MS),
      reorgBlocks: options.reorgBlocks ?? REORG_BLOCKS,
      batchSize: options.batchSize ?? BATCH_SIZE,
      log,
      signal,
      async onSynced() {
        const dropped = await dropSuperseded(client, name)
        if (dropped.length > 0) log.info('deployments that were superseded are deleted', { ids: dropped })
      },
    })
  } catch (error) {
    if (error instanceof ReorgTooDeep) await status.fail(error.message, null, null)
    throw error
  } finally {
    // The lock is given back only when nothing of this process can still be written.
    await store.settled().catch(() => {})
  }
}

/** The chain's EIP-155 id and first block, which tell it from every other. Waits while the node does not answer. */
async function identifyChain(rpc: Rpc, log: Logger, signal: AbortSignal): Promise<{ id: number; genesisHash: string }> {
  for (let attempt = 0; ; attempt++) {
    try {
      const id = Number(await rpc.ask({ method: 'eth_chainId', parameters: [] }, z.string()))
      const genesis = await rpc.ask({ method: 'eth_getBlockByNumber', parameters: ['0x0', false] }, Header)
      return { id, genesisHash: genesis.hash }
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof ProviderUnavailable || error instanceof RpcFault)) throw error
      if (attempt === 0) log.warn("the chain's node does not answer: waiting", { error: error.message })
      await sleep(Math.min(5_000, 100 * 2 ** attempt), undefined, { signal })
    }
  }
}

interface HeldLock {
  /** Aborts when the database has ended the session that holds it. */
  readonly lost: AbortSignal
  release(): Promise<void>
}

/** Waits for the right to index a name. Null when the signal aborts first. */
async function takeLock(url: string, name: string, signal: AbortSignal, log: Logger): Promise<HeldLock | null> {
  const key = createHash('sha256').update(`refrain indexer ${name}`).digest().readBigInt64BE(0).toString()
  let isTold = false
  while (!signal.aborted) {
    const session = createSession(url, 'refrain indexer')
    const lost = new AbortController()
    const lose = () => lost.abort(new Error('the database ended the session that holds the lock'))
    session.on('error', lose)
    session.on('end', lose)
    try {
      await session.connect()
      for (;;) {
        const { rows } = await session.query<{ taken: boolean }>('select pg_try_advisory_lock($1::bigint) as taken', [
          key,
        ])
        if (rows[0].taken) return { lost: lost.signal, release: () => session.end().catch(() => {}) }
        if (!isTold) log.info('another process indexes this deployment: waiting until it is gone')
        isTold = true
        await sleep(LOCK_RETRY_MS, undefined, { signal })
      }
    } catch (error) {
      await session.end().catch(() => {})
      if (signal.aborted) break
      log.warn('the database does not answer: waiting', { error })
      await sleep(REOPEN_MS, undefined, { signal }).catch(() => {})
    }
  }
  return null
}
