import { type DefaultConnectionArguments, resolveCursorConnection } from '@pothos/plugin-relay'
import { asc, desc, gt, lt, type SQL } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { InvalidInput } from '../worker/errors.ts'

const PAGE_SIZE = 20
const LARGEST_PAGE = 100

/** What a page costs: one, and its nodes times the page's size. */
export const connectionComplexity = ({ first, last }: DefaultConnectionArguments) => ({
  field: 1,
  multiplier: Math.min(first ?? last ?? PAGE_SIZE, LARGEST_PAGE),
})

/** Names of a connection's two types, with their descriptions. */
export const connectionOf = (type: string) =>
  [
    { name: `${type}Connection`, description: `A page of a list of ${type}.` },
    { name: `${type}Edge`, description: `A ${type} and its place in the list.` },
  ] as const

/**
 * A page of rows by falling id; the id is the cursor, so rows that come or go between two pages shift nothing.
 *
 * @param page reads at most `limit` rows that meet `conditions`, in the given order
 */
export async function newestFirst<Row extends { readonly id: number }>(
  args: DefaultConnectionArguments,
  id: PgColumn,
  page: (options: { conditions: SQL[]; order: SQL; limit: number }) => Promise<Row[]>,
) {
  return resolveCursorConnection<Promise<Row[]>>(
    { args, defaultSize: PAGE_SIZE, maxSize: LARGEST_PAGE, toCursor: (row) => String(row.id) },
    ({ before, after, limit, inverted }) => {
      const conditions: SQL[] = []
      if (after) conditions.push(lt(id, parseCursor(after)))
      if (before) conditions.push(gt(id, parseCursor(before)))
      return page({ conditions, order: inverted ? asc(id) : desc(id), limit })
    },
  )
}

function parseCursor(cursor: string): number {
  if (!/^[0-9]{1,15}$/.test(cursor)) {
    throw new InvalidInput(`expected a cursor from an earlier page, got ${JSON.stringify(cursor.slice(0, 50))}`)
  }
  return Number(cursor)
}
