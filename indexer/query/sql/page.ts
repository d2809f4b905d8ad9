import { indexedExpression } from '../../store/layout.ts'
import type { EntityType, Field } from '../../store/schema.ts'
import type { Order } from '../order.ts'
import { columnOf, writeLink } from './condition.ts'
import { bind, nextAlias, type Part, type Statement, versions } from './statement.ts'

/** Which rows of an entity type's table, in which order. */
export interface Page {
  readonly entity: EntityType
  /** Names the row in the conditions. */
  readonly alias: string
  readonly condition: string
  /** In a list of another entity: the condition that it belongs there, and whether any number of rows may meet it. */
  readonly link: { readonly condition: string; readonly isOpen: boolean } | null
  readonly order: Order
  readonly first: number
  readonly skip: number
}

/** A subquery with the page's rows, in order. Nulls come last when ascending and first when descending. */
export function writePage(statement: Statement, page: Page): string {
  const range = `limit ${bind(statement, page.first, 'bigint')} offset ${bind(statement, page.skip, 'bigint')}`
  const { reference } = page.order
  if (reference === null) {
    if (statement.block !== null && !page.entity.isImmutable) return writeEarlierPage(statement, page, range)
    if (page.link && page.order.field.name !== 'id') return writeLinkedPage(statement, page, page.link, range)
    const rows = rowsOf(statement, page)
    return `select ${page.alias}.* from ${rows.from} where ${rows.condition} ${orderBy(page, page.alias)} ${range}`
  }
  if (reference.field.derivedFrom !== null) {
    const rows = rowsOf(statement, page)
    const target = targetOf(statement, page)
    return `select ${page.alias}.* from ${rows.from} left join ${target.from} on ${target.link}
      where ${rows.condition} ${orderBy(page, target.alias)} ${range}`
  }
  return `select * from (${orderedParts(statement, page, reference.field).join(' union all ')}) parts ${range}`
}

/** A list of another entity with more members than this is read in the order of an index, others are sorted. */
const SORTED_MEMBERS = 10_000

/**
 * A list of another entity, ordered by a column. Left to itself, Postgres would often walk the index of that column through the
 * whole table for the few rows that belong to the list; which is right only for a list that has a good part of all rows.
 */
function writeLinkedPage(
  statement: Statement,
  page: Page,
  link: { readonly condition: string; readonly isOpen: boolean },
  range: string,
): string {
  const { alias } = page
  const { from, condition } = versions(statement, page.entity, alias)
  // `offset 0` keeps the order out of the choice of the index.
  const members = `(select ${alias}.* from ${from} where ${condition} and ${link.condition} and ${page.condition} offset 0) ${alias}`
  if (!link.isOpen) return `select ${alias}.* from ${members} ${orderBy(page, alias)} ${range}`
  const limit = bind(statement, SORTED_MEMBERS, 'bigint')
  const size = `select count(*) as members from (select from ${from} where ${condition} and ${link.condition} limit ${limit} + 1) linked`
  const rest = `${orderBy(page, alias)} limit ${enough(statement, page)}`
  const sorted = `(select ${alias}.* from ${members} where size.members <= ${limit} ${rest})`
  // `is true` keeps the index of the link out of it.
  const walked = `(select ${alias}.* from ${from}
    where ${condition} and (${link.condition}) is true and ${page.condition} and size.members > ${limit} ${rest})`
  return `select ${alias}.* from (${size}) size, lateral (${sorted} union all ${walked}) ${alias} ${range}`
}

/**
 * At an earlier block, most of what held then holds still, and is found by the indexes of the current rows; only what has
 * changed since is looked for among the others.
 */
function writeEarlierPage(statement: Statement, page: Page, range: string): string {
  const parts = (['unchanged', 'changed'] as const).map((part) => {
    const rows = rowsOf(statement, page, part)
    const fence = page.link ? 'offset 0' : ''
    return `(select ${page.alias}.* from (
        select ${page.alias}.* from ${rows.from} where ${rows.condition} ${fence}) ${page.alias}
      ${orderBy(page, page.alias)} limit ${enough(statement, page)})`
  })
  return `select ${page.alias}.* from (${parts.join(' union all ')}) ${page.alias} ${orderBy(page, page.alias)} ${range}`
}

/**
 * Ordering by a field of another entity, in parts of which each is read in the order of an index, and only as far as the page
 * asks: Postgres reads the parts of a `union all` one after the other and stops when it has enough. Ordering the plain
 * join would sort all rows there are.
 */
function orderedParts(statement: Statement, page: Page, reference: Field): string[] {
  if (page.order.direction === 'asc') return [withKey(statement, page), withoutKey(statement, page)]
  if (!reference.isRequired) return [withoutKey(statement, page), withKey(statement, page)]
  // A required reference that leads nowhere comes last, where graph-node has it among the nulls: to know that there is none
  // would mean to look at every row first. Whoever asks for the reference itself gets an error for it anyway.
  const withNull = page.order.field.isRequired ? [] : [withoutKey(statement, page, 'join')]
  return [...withNull, withKey(statement, page), dangling(statement, page)]
}

function withKey(statement: Statement, page: Page): string {
  const rows = rowsOf(statement, page)
  const target = targetOf(statement, page)
  return `(select ${page.alias}.* from ${rows.from} join ${target.from} on ${target.link}
    where ${rows.condition} and ${columnOf(target.alias, page.order.field)} is not null
    ${orderBy(page, target.alias)} limit ${enough(statement, page)})`
}

/** Rows that have no value to be ordered by go by their ids. */
function withoutKey(statement: Statement, page: Page, join: 'join' | 'left join' = 'left join'): string {
  const rows = rowsOf(statement, page)
  const target = targetOf(statement, page)
  const isEmpty = `${columnOf(target.alias, page.order.field)} is null`
  const from = `${rows.from} ${join} ${target.from} on ${target.link}`
  return `(select ${page.alias}.* from ${from} where ${rows.condition} and ${isEmpty}
    ${orderById(page)} limit ${enough(statement, page)})`
}

function dangling(statement: Statement, page: Page): string {
  const rows = rowsOf(statement, page)
  const target = targetOf(statement, page)
  return `(select ${page.alias}.* from ${rows.from}
    where ${rows.condition} and not exists (select from ${target.from} where ${target.link})
    ${orderById(page)} limit ${enough(statement, page)})`
}

const enough = (statement: Statement, { first, skip }: Page) => bind(statement, first + skip, 'bigint')

function rowsOf(statement: Statement, page: Page, part: Part = 'all'): { from: string; condition: string } {
  const { from, condition } = versions(statement, page.entity, page.alias, part)
  return { from, condition: `${condition} and ${page.link?.condition ?? 'true'} and ${page.condition}` }
}

function targetOf(statement: Statement, page: Page): { alias: string; from: string; link: string } {
  const { reference } = page.order
  if (!reference) throw new Error('no reference to order by')
  const alias = nextAlias(statement)
  const { from, condition } = versions(statement, reference.target, alias)
  return { alias, from, link: `${writeLink(reference.field, reference.target, page.alias, alias)} and ${condition}` }
}

/** @param keyAlias the row whose field decides */
function orderBy(page: Page, keyAlias: string): string {
  const { field, direction } = page.order
  if (keyAlias === page.alias && field.name === 'id') return orderById(page)
  const key = indexedExpression(field, columnOf(keyAlias, field))
  return `order by ${key} ${direction}, ${page.alias}.id ${direction}`
}

const orderById = ({ alias, order }: Page) => `order by ${alias}.id ${order.direction}`
