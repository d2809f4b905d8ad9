import type { Chain } from '../../worker/chain/contract.ts'
import type { ApiContext } from '../context.ts'
import type { SchemaParts } from '../parts.ts'

/** Whoever asks how fresh the catalog is does not wait for a node to come back. */
const HEAD_TIMEOUT_MS = 5_000

interface CatalogStatus {
  readonly part: 'clips' | 'locks'
  readonly block: number | null
  readonly blockHash: string | null
  readonly blockAt: Date | null
  readonly headBlock: number | null
  readonly hasIndexingErrors: boolean
  readonly fault: string | null
}

/** How fresh the catalog is. */
export function defineCatalogStatus({ builder }: SchemaParts): void {
  const Part = builder.enumType('CatalogPart', {
    description: 'The two parts of the catalog, which may live on two chains.',
    values: {
      CLIPS: { value: 'clips', description: 'Clips, encrypted songs and accounts.' },
      LOCKS: { value: 'locks', description: 'Locks and keys.' },
    },
  })
  const Status = builder.objectRef<CatalogStatus>('CatalogStatus').implement({
    description: 'How far one part of the catalog has come: what it answers is as of this block.',
    fields: (t) => ({
      part: t.field({ type: Part, description: 'Which part.', resolve: (status) => status.part }),
      block: t.field({
        type: 'SafeInt',
        nullable: true,
        description: 'The block it is at; null while it does not answer.',
        resolve: (status) => status.block,
      }),
      blockHash: t.exposeString('blockHash', {
        nullable: true,
        description: "That block's hash; null while it does not answer.",
      }),
      blockAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: "That block's time; null while it does not answer, or does not tell.",
        resolve: (status) => status.blockAt,
      }),
      headBlock: t.field({
        type: 'SafeInt',
        nullable: true,
        description: 'The newest block of the chain; null while its node does not answer.',
        resolve: (status) => status.headBlock,
      }),
      blocksBehind: t.field({
        type: 'SafeInt',
        nullable: true,
        description: 'How many blocks it is behind; null while either does not answer.',
        resolve: ({ block, headBlock }) =>
          block === null || headBlock === null ? null : Math.max(0, headBlock - block),
      }),
      hasIndexingErrors: t.exposeBoolean('hasIndexingErrors', {
        description: 'Whether the indexing stopped at an error: what is newer than `block` will not come by itself.',
      }),
      fault: t.exposeString('fault', {
        nullable: true,
        description: 'What is wrong in words; null when nothing is.',
      }),
    }),
  })
  builder.queryField('catalogStatus', (t) =>
    t.field({
      type: [Status],
      description: 'How fresh each part of the catalog is; empty where no chain is configured.',
      complexity: 10,
      resolve: async (_root, _args, context) =>
        context.catalog.isThere ? await Promise.all([statusOf('clips', context), statusOf('locks', context)]) : [],
    }),
  )
}

async function statusOf(part: 'clips' | 'locks', { catalog, chains }: ApiContext): Promise<CatalogStatus> {
  const [position, head] = await Promise.allSettled([catalog.position(part), headOf(chains?.[part] ?? null)])
  const faults = [position, head].flatMap((one) =>
    one.status === 'rejected' ? [one.reason instanceof Error ? one.reason.message : 'it does not answer'] : [],
  )
  const at = position.status === 'fulfilled' ? position.value : null
  if (at?.hasIndexingErrors) faults.unshift('the indexing stopped at an error')
  return {
    part,
    block: at?.blockNumber ?? null,
    blockHash: at?.blockHash ?? null,
    blockAt: at?.blockTimestampSeconds ? new Date(at.blockTimestampSeconds * 1000) : null,
    headBlock: head.status === 'fulfilled' ? head.value : null,
    hasIndexingErrors: at?.hasIndexingErrors ?? false,
    fault: faults.join('; ') || null,
  }
}

async function headOf(chain: Chain | null): Promise<number | null> {
  if (!chain) return null
  try {
    const signal = AbortSignal.timeout(HEAD_TIMEOUT_MS)
    return Number(await chain.reader.request({ method: 'eth_blockNumber' }, { retryCount: 0, signal }))
  } catch {
    // The library's message holds the node's address, which may hold a key.
    throw new Error("the chain's node does not answer")
  }
}
