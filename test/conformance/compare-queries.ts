import { isDeepStrictEqual } from 'node:util'
import { type Answer, ask, type Indexer } from './indexer.ts'
import { queriesFor } from './queries.ts'

/** Asks both the same, one by one. */
export async function compareQueries(
  one: Indexer,
  other: Indexer,
): Promise<{ readonly queries: number; readonly differences: readonly string[] }> {
  const queries = await queriesFor(one)
  const differences: string[] = []
  for (const query of queries) {
    const [ofOne, ofOther] = await Promise.all(
      [one, other].map(async (indexer) => normalize(await ask(indexer, query))),
    )
    if (isDeepStrictEqual(ofOne, ofOther)) continue
    const show = (answer: unknown) => JSON.stringify(answer).slice(0, 600)
    differences.push(`${query || '(an empty query)'}\n  ${one.name}: ${show(ofOne)}\n  ${other.name}: ${show(ofOther)}`)
  }
  return { queries: queries.length, differences }
}

/** Without what says which deployment it is: its id. */
function normalize({ data, errors }: Answer): unknown {
  const messages = errors?.map(({ message }) => message.replaceAll(/\bsubgraph \S+ /g, 'subgraph … '))
  return { data: data ?? null, ...(messages && { errors: messages }) }
}
