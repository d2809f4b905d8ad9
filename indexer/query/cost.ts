import { QueryError } from './query-error.ts'
import type { Selected } from './selection.ts'

/** Entities that one query may ask for at most, were all its lists full. */
const MAX_ENTITIES = 5_000_000n
const MAX_ROOT_FIELDS = 200

/** @throws QueryError in graph-node's words, before anything is read */
export function assertAffordable(fields: readonly Selected[]): void {
  if (fields.length > MAX_ROOT_FIELDS) {
    throw new QueryError(`query selects more than the limit of \`${MAX_ROOT_FIELDS}\` root fields`)
  }
  const entities = countEntities(fields)
  if (entities <= MAX_ENTITIES) return
  throw new QueryError(
    `query potentially returns \`${entities}\` entities or more and thereby exceeds the limit of \`${MAX_ENTITIES}\` entities. ` +
      'Possible solutions are reducing the depth of the query, querying fewer relationships or using `first` to return smaller collections',
  )
}

function countEntities(fields: readonly Selected[]): bigint {
  let total = 0n
  for (const { args, children } of fields) {
    if (children.length === 0) continue
    const first = args.get('first')
    const length = typeof first === 'bigint' && first > 0n ? first : args.has('first') ? 100n : 1n
    total += length + length * countEntities(children)
  }
  return total
}
