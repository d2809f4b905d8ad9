import { isDeepStrictEqual } from 'node:util'
import type { EntityType } from './entities.ts'
import { filterQuestions } from './filter-questions.ts'
import { type Answer, ask, type Indexer } from './indexer.ts'
import { MALFORMED, questionsFor } from './queries.ts'

/** Asks both the same, one by one. */
export async function compareQueries(
  embedded: Indexer,
  graphNode: Indexer,
  types: readonly EntityType[],
): Promise<{ readonly queries: number; readonly differences: readonly string[] }> {
  const questions = [...(await questionsFor(graphNode)), ...(await filterQuestions(graphNode, types))]
  const differences: string[] = []
  const show = (answer: unknown) => JSON.stringify(answer).slice(0, 600)
  for (const { query, variables } of questions) {
    const [ours, theirs] = await Promise.all(
      [embedded, graphNode].map(async (indexer) => normalize(await ask(indexer, query, variables))),
    )
    if (isDeepStrictEqual(ours, theirs)) continue
    const asked = variables ? `${query} with ${show(variables)}` : query
    differences.push(`${asked}\n  ${embedded.name}: ${show(ours)}\n  ${graphNode.name}: ${show(theirs)}`)
  }
  for (const query of MALFORMED) {
    const [ours, theirs] = await Promise.all([embedded, graphNode].map((indexer) => ask(indexer, query)))
    if (!ours.data && !theirs.data && ours.errors?.length) continue
    differences.push(`${query}: expected no data and a reason, got ${show(ours)}; ${graphNode.name}: ${show(theirs)}`)
  }
  return { queries: questions.length + MALFORMED.length, differences }
}

/** Without the deployment's id, and without the SQL that graph-node shows when Postgres refuses it. */
function normalize({ data, errors }: Answer): unknown {
  const messages = errors?.map(({ message }) =>
    message.replaceAll(/\bsubgraph \S+ /g, 'subgraph … ').replace(/, query = \/\*.*$/s, ''),
  )
  return { data: data ?? null, ...(messages && { errors: messages }) }
}
