import { readFile, rename, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import type { AnvilHome } from './home.ts'

const Genesis = z.object({ timestamp: z.number().int().positive() })
const DumpedBlocks = z.object({
  blocks: z.array(z.object({ header: z.object({ number: z.coerce.number(), timestamp: z.coerce.number() }) })),
})

/**
 * The time of block 0, in seconds. Decided before the first start and the same at every later one: anvil makes a block 0 of its own
 * at each start, and keeps it beside a loaded one that differs, so that either may be taken for block 0 later.
 *
 * @param isLoaded whether `home.loadedState` is what anvil is started with
 */
export async function genesisTimestamp(home: AnvilHome, isLoaded: boolean): Promise<number> {
  const text = await readFile(home.genesisFile, 'utf8').catch(() => undefined)
  if (text !== undefined) return Genesis.parse(JSON.parse(text)).timestamp
  const timestamp = isLoaded ? await readFromState(home) : Math.floor(Date.now() / 1000)
  const unfinished = `${home.genesisFile}.new`
  await writeFile(unfinished, JSON.stringify({ timestamp }), { flush: true })
  await rename(unfinished, home.genesisFile)
  return timestamp
}

async function readFromState(home: AnvilHome): Promise<number> {
  const { blocks } = DumpedBlocks.parse(JSON.parse(await readFile(home.loadedState, 'utf8')))
  const genesis = blocks.find(({ header }) => header.number === 0)
  if (!genesis) throw new Error(`expected a block 0 in ${home.loadedState}`)
  return genesis.header.timestamp
}
