import { eq, sql } from 'drizzle-orm'
import { chains } from '../db/chain-tables.ts'
import type { Client } from '../db/client.ts'
import { Blocked } from '../errors.ts'
import { unexpectedAnswer } from './fault.ts'
import type { Node } from './node.ts'
import { createSingleFlight } from './single-flight.ts'

/** Which chain a node serves. */
export interface Identity {
  /** EIP-155 id, asked once. @throws ProviderUnavailable while the node does not answer */
  id(): Promise<number>
  /** The id if it is known. */
  knownId(): number | undefined
  /**
   * Makes sure that the chain is the one Refrain's records are about, and returns its id.
   *
   * @throws Blocked when it was begun anew since, or another one took its place
   */
  confirm(signal: AbortSignal): Promise<number>
}

/** @param check called with the id when it becomes known; may refuse it */
export function createIdentity(node: Node, client: Pick<Client, 'database'>, check: (id: number) => void): Identity {
  let known: number | undefined
  let genesis: string | undefined

  async function id(): Promise<number> {
    known ??= await node.chainId()
    check(known)
    return known
  }

  const confirm = createSingleFlight(async () => {
    const chainId = await id()
    // Only chains on this machine are ever begun anew.
    if (genesis !== undefined && !node.isLoopback) return chainId
    const block = await node.block(0, new AbortController().signal)
    if (!block) throw unexpectedAnswer('no block 0')
    if (block.hash === genesis) return chainId
    const recorded = await recordGenesis(client, chainId, block.hash)
    genesis = recorded === block.hash ? recorded : undefined
    if (!genesis) throw begunAnew(chainId, recorded, block.hash)
    return chainId
  })

  return { id, knownId: () => known, confirm: (signal) => confirm(undefined, signal) }
}

/** @returns the recorded hash of block 0, which is the given one when there was none */
async function recordGenesis(client: Pick<Client, 'database'>, chainId: number, hash: string): Promise<string> {
  const { database } = client
  await database
    .insert(chains)
    .values({ chainId, genesisHash: hash })
    .onConflictDoUpdate({
      target: chains.chainId,
      set: { genesisHash: hash },
      setWhere: sql`${chains.genesisHash} is null`,
    })
  const [row] = await database.select().from(chains).where(eq(chains.chainId, chainId))
  return row.genesisHash ?? hash
}

function begunAnew(chainId: number, expected: string, found: string): Blocked {
  return new Blocked(
    `The chain ${chainId} is not the one Refrain's records are about: its block 0 was ${expected} and is ${found} now, so ` +
      'everything sent before is gone. Bring the old chain back (the folder `chain` in the data folder, when it is the embedded ' +
      'one), or have everything recorded sent to this one: ' +
      `update chains set genesis_hash = null where chain_id = ${chainId}`,
    { details: { chainId, expected, found } },
  )
}
