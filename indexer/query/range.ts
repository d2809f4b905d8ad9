import { QueryError } from './query-error.ts'
import type { Selected } from './selection.ts'

const DEFAULT_FIRST = 100
const MAX_FIRST = 1_000
/** graph-node counts them in 32 bits. */
const MAX_SKIP = 4_294_967_295

/**
 * `first` and `skip` of a list.
 *
 * @throws QueryError in graph-node's words, which call 0 allowed and refuse it
 */
export function readRange({ args, node }: Selected): { first: number; skip: number } {
  const first = args.get('first') ?? null
  const skip = args.get('skip') ?? null
  const limits = (name: string, max: number, value: bigint) =>
    new QueryError(`The \`${name}\` argument must be between 0 and ${max}, but is ${value}`, node.loc)
  if (typeof first === 'bigint' && (first < 1n || first > MAX_FIRST)) throw limits('first', MAX_FIRST, first)
  if (typeof skip === 'bigint' && (skip < 0n || skip > MAX_SKIP)) throw limits('skip', MAX_SKIP, skip)
  return {
    first: typeof first === 'bigint' ? Number(first) : DEFAULT_FIRST,
    skip: typeof skip === 'bigint' ? Number(skip) : 0,
  }
}
