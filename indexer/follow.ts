import { setTimeout as sleep } from 'node:timers/promises'
import { AppError, ProviderUnavailable } from '../worker/errors.ts'
import type { Log as Logger } from '../worker/log.ts'
import type { Header } from './answers.ts'
import { completeTransactions } from './block-body.ts'
import { BlockHashes } from './block-hashes.ts'
import type { BlockWindow, WindowBlock, WindowReader } from './block-window.ts'
import { askChain } from './chain-answers.ts'
import { createBlockHandler, HandlerFailed } from './handle-block.ts'
import type { Subgraph } from './manifest.ts'
import { openMappings } from './mappings.ts'
import { findAncestor } from './reorg.ts'
import { type Rpc, RpcFault } from './rpc.ts'
import { SourceList } from './sources.ts'
import type { IndexedBlock } from './store/deployments.ts'
import type { EntityStore } from './store/entity-store.ts'
import { type OpenedDeployment, startBlockOf } from './store/open-deployment.ts'
import type { StatusWriter } from './store/status.ts'
import { createWindowPlan } from './window-plan.ts'

export interface FollowOptions {
  readonly subgraph: Subgraph
  readonly opened: OpenedDeployment
  readonly store: EntityStore
  readonly status: StatusWriter
  readonly rpc: Rpc
  readonly reader: WindowReader
  /** How long to wait between two looks at the head. */
  readonly pollMs: number
  /** How many blocks behind the head may still change: their hashes are kept, and each is read by itself. */
  readonly reorgBlocks: number
  /** Versions after which a batch is written. */
  readonly batchSize: number
  readonly log: Logger
  readonly signal: AbortSignal
  /** Called once, when the head was reached for the first time. */
  readonly onSynced: () => Promise<void>
}

/** A batch is written at least this often while catching up. */
const WRITE_AFTER_MS = 500
const FIRST_RETRY_MS = 100
const MAX_RETRY_MS = 5_000

/**
 * Indexes a chain from where the deployment stands and then block by block, until the signal aborts.
 *
 * @throws what makes it impossible to go on with what is in memory (the database is away, somebody else has moved the deployment):
 *   the caller opens the deployment again
 */
export async function follow(options: FollowOptions): Promise<never> {
  const { subgraph, opened, store, status, rpc, reader, log, signal } = options
  const sources = new SourceList([...subgraph.sources, ...opened.created])
  const hashes = new BlockHashes(options.reorgBlocks, opened.blocks)
  const startBlock = startBlockOf(subgraph)
  const mappings = openMappings(subgraph, (call) => store.answerOf(call), log)
  const handler = createBlockHandler({
    schema: subgraph.schema,
    stored: store,
    sources,
    mappings,
    signal,
    async fetch(missing, blocks) {
      const byHash = new Map(blocks.map((block) => [block.header.hash, block]))
      const transactions = missing.filter((thing) => thing.kind === 'transaction')
      if (transactions.length > 0) {
        await completeTransactions(
          rpc,
          transactions.map((thing) => ({ ...thing, body: byHash.get(thing.blockHash)!.body! })),
        )
      }
      const calls = await store.load(missing)
      if (calls.length === 0) return
      const answers = await askChain(rpc, calls)
      calls.forEach((call, index) => {
        store.learn(call, byHash.get(call.blockHash)!.header.number, answers[index])
      })
    },
  })
  const plan = createWindowPlan(reader, options.reorgBlocks)
  let head: Header | null = null
  let writeError: unknown = null
  let lastWriteMs = performance.now()
  let isSynced = false
  let prunedTo = opened.deployment.earliestBlock

  for (let failures = 0; ; ) {
    signal.throwIfAborted()
    try {
      await step()
      failures = 0
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof HandlerFailed) await standStill(error)
      else if (error instanceof ProviderUnavailable || error instanceof RpcFault || isRefusal(error)) {
        plan.reset()
        head = null
        await writeOut()
        const message = error instanceof Error ? error.message : String(error)
        if (failures++ > 0) await status.say('waiting', message)
        await sleep(Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** failures), undefined, { signal })
      } else throw error
    }
  }

  /** One look at the head, and one window of blocks when there are new ones. */
  async function step(): Promise<void> {
    head ??= await reader.latest()
    const at = store.block
    const from = at ? at.number + 1 : startBlock
    if (at && head.hash === at.hash) return await rest(head)
    if (head.number < from) return at ? await lookBack(head, at) : await rest(head)
    const window = await plan.next(from, head, sources)
    const before = window.isNear ? window.blocks[0].header.parentHash : window.before?.hash
    if (at && before !== at.hash) return await rewind(at)
    await index(window)
    if (window.to < head.number) return
    head = null
    await writeOut(isSynced ? 'following' : 'syncing')
  }

  async function index(window: BlockWindow): Promise<void> {
    for (let position = 0; position < window.blocks.length; position++) {
      const block = window.blocks[position]
      const { changes, created } = await handler.handle(block, window.blocks.slice(position + 1, position + 33))
      take(block, changes, created)
      if (created.length > 0) {
        plan.reset()
        const addresses = [...new Set(created.map((source) => source.address))]
        await reader.extend(window, block.header.number + 1, addresses)
      }
      await writeWhenDue()
    }
  }

  function take(
    block: WindowBlock,
    changes: Parameters<EntityStore['add']>[1],
    created: Parameters<EntityStore['add']>[2],
  ): void {
    const { number, hash, parentHash, timestamp } = block.header
    const indexed: IndexedBlock = { number, hash, parentHash, timestamp }
    const { historyBlocks } = subgraph
    const headNumber = head?.number ?? number
    // A re-org may need what a version was replaced by, however little history is wanted.
    const keepFrom = historyBlocks === null ? -1 : headNumber - Math.max(historyBlocks, options.reorgBlocks)
    store.add(indexed, changes, created, keepFrom)
    hashes.add(indexed)
  }

  /** While there is much to do, what is handled is written beside it; only one batch is under way at a time. */
  async function writeWhenDue(): Promise<void> {
    if (writeError) throw writeError
    const isDue = store.pendingSize >= options.batchSize || performance.now() - lastWriteMs > WRITE_AFTER_MS
    if (!isDue || !store.hasPending) return
    if (store.isWriting && store.pendingSize < options.batchSize * 2) return
    await store.settled()
    if (store.isUnindexed) await store.settleIn()
    beginWrite('syncing').catch((error: unknown) => {
      writeError = error
    })
  }

  async function beginWrite(state: 'syncing' | 'following'): Promise<void> {
    lastWriteMs = performance.now()
    await store.flush({ headNumber: head?.number ?? 0, state })
    status.forget()
  }

  async function writeOut(state: 'syncing' | 'following' = 'syncing'): Promise<void> {
    if (writeError) throw writeError
    await store.settled()
    if (store.hasPending) await beginWrite(state)
  }

  /** The head is indexed: everything is written, and the next look at the chain is a while away. */
  async function rest(seen: Header): Promise<void> {
    await writeOut(isSynced ? 'following' : 'syncing')
    if (!isSynced) await store.settleIn()
    await status.say('following', null, seen.number)
    head = null
    if (!isSynced) {
      isSynced = true
      log.info('the head is indexed', { block: seen.number })
      await options.onSynced()
    }
    await prune(seen.number)
    await sleep(options.pollMs, undefined, { signal })
  }

  /** The node's head is not beyond what is indexed: it may be behind, or on another branch. */
  async function lookBack(seen: Header, at: IndexedBlock): Promise<void> {
    const ours = hashes.at(seen.number)
    if (seen.number > at.number || (ours && ours.hash !== seen.hash)) return await rewind(at)
    await writeOut()
    head = null
    await status.say(
      'waiting',
      `the node's head went back to block ${seen.number}; indexed is block ${at.number}`,
      seen.number,
    )
    await sleep(options.pollMs, undefined, { signal })
  }

  async function rewind(at: IndexedBlock): Promise<void> {
    plan.reset()
    head = null
    await writeOut()
    const ancestor = await findAncestor(reader, hashes, await reader.latest(), at, store.earliestBlock)
    if (!ancestor) return
    log.warn('the chain was re-organised', {
      from: at.number,
      backTo: ancestor.number,
      depth: at.number - ancestor.number,
    })
    await store.revert(ancestor)
    sources.revert(ancestor.number)
    hashes.revert(ancestor.number)
  }

  async function prune(headNumber: number): Promise<void> {
    const firstKept = headNumber - options.reorgBlocks
    const isDue = firstKept > prunedTo + options.reorgBlocks / 2
    if (!isDue || firstKept <= 0) return
    prunedTo = firstKept
    await store.pruneBlocks(firstKept)
    const { historyBlocks } = subgraph
    if (historyBlocks !== null) await store.prune(headNumber - Math.max(historyBlocks, options.reorgBlocks))
  }

  /**
   * A handler failed for good: what was indexed before stays, and the reason is told. Only another block in its place can help.
   */
  async function standStill(failure: HandlerFailed): Promise<void> {
    await writeOut()
    log.error('indexing stands still because a handler failed', { error: failure })
    await status.fail(failure.message, failure.handler, failure.blockNumber)
    for (;;) {
      await sleep(Math.max(options.pollMs, 1_000), undefined, { signal })
      const now = await reader.header(failure.blockNumber).catch(() => null)
      if (now && now.hash !== failure.blockHash) break
    }
    plan.reset()
    head = null
    await status.say('syncing', null)
  }
}

/** The node or something before it said no; it may say yes later. */
const isRefusal = (error: unknown): boolean => error instanceof AppError && error.kind === 'PROVIDER_REJECTED'
