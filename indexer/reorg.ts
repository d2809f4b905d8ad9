import { AppError } from '../worker/errors.ts'
import type { Header } from './answers.ts'
import type { BlockHashes } from './block-hashes.ts'
import type { WindowReader } from './block-window.ts'
import { NodeContradiction } from './rpc.ts'
import type { IndexedBlock } from './store/deployments.ts'

/** The chain has changed further back than can be reverted. */
export class ReorgTooDeep extends AppError {
  constructor(oldest: number) {
    super(
      'CONFLICT',
      `the chain was re-organised below block ${oldest}, further back than hashes are kept: drop the schema of the deployment and its row in indexer.deployments to index afresh`,
    )
  }
}

/** Blocks compared in one exchange. */
const STEP = 16

/**
 * The last indexed block that is still on the chain.
 *
 * @param seen head of the chain as the node told it
 * @param at last indexed block
 * @param earliestBlock first block that can be gone back to
 * @returns null when the last indexed block is on the chain after all
 * @throws NodeContradiction when the node's blocks do not fit each other; ReorgTooDeep when none of them is kept
 */
export async function findAncestor(
  reader: WindowReader,
  hashes: BlockHashes,
  seen: Header,
  at: IndexedBlock,
  earliestBlock: number,
): Promise<IndexedBlock | null> {
  const highest = Math.min(seen.number, at.number)
  const [top] = await reader.headers([highest])
  if (!top || (highest === seen.number && top.hash !== seen.hash)) {
    throw new NodeContradiction(`the node's head was block ${seen.number} with another hash a moment ago`)
  }
  if (top.hash === at.hash) return null
  let child = top
  const candidates = [...hashes.below(highest + 1)].filter((block) => block.number >= earliestBlock)
  for (let start = 0; start < candidates.length; start += STEP) {
    const blocks = candidates.slice(start, start + STEP)
    const headers = await reader.headers(blocks.map((block) => block.number))
    for (const [index, block] of blocks.entries()) {
      const header = headers[index]
      if (!header)
        throw new NodeContradiction(`the node does not have block ${block.number}, though its head is beyond`)
      if (header.number === child.number - 1 && child.parentHash !== header.hash) {
        throw new NodeContradiction(`block ${child.number} does not follow block ${header.number}`)
      }
      if (header.hash === block.hash) return block
      child = header
    }
  }
  throw new ReorgTooDeep(candidates.at(-1)?.number ?? at.number)
}
