import { randomUUID } from 'node:crypto'
import { CURRENT, qualifiedTable } from '../../store/layout.ts'
import type { EntitySchema, EntityType } from '../../store/schema.ts'
import type { QueryError } from '../query-error.ts'

/** What all parts of one statement share while it is written. Values only ever get in as parameters. */
export interface Statement {
  /** Postgres schema of the deployment's entities. */
  readonly schema: string
  readonly entities: EntitySchema
  /** The block whose entities are read; null for the latest, whose rows have indexes of their own. */
  readonly block: number | null
  readonly parameters: unknown[]
  /** Errors that the answer may turn out to contain, see `mark`. */
  readonly possibleErrors: QueryError[]
  /** Nobody outside knows it, so no stored string can be taken for a mark. */
  readonly secret: string
  aliasCount: number
}

export function openStatement(schema: string, entities: EntitySchema, block: number | null): Statement {
  return { schema, entities, block, parameters: [], possibleErrors: [], secret: randomUUID(), aliasCount: 0 }
}

/** Binds a value. @returns `$1::bytea` */
export function bind(statement: Statement, value: unknown, type: string): string {
  statement.parameters.push(value)
  return `$${statement.parameters.length}::${type}`
}

/** A name for a table that no other part of the statement has. */
export function nextAlias(statement: Statement): string {
  return `t${++statement.aliasCount}`
}

/**
 * What the answer has in place of a value that must not be missing: Postgres writes the answer, and cannot raise our errors.
 * `findErrors` gets them back out.
 *
 * @returns an SQL literal of a JSON string
 */
export function mark(statement: Statement, error: QueryError): string {
  statement.possibleErrors.push(error)
  return `'"${statement.secret}:${statement.possibleErrors.length - 1}"'`
}

/** The errors whose marks are in the texts, each once. */
export function findErrors(statement: Statement, texts: readonly string[]): QueryError[] {
  const found = new Set<number>()
  for (const text of texts) {
    if (!text.includes(statement.secret)) continue
    for (const [, index] of text.matchAll(new RegExp(`"${statement.secret}:(\\d+)"`, 'g'))) found.add(Number(index))
  }
  return [...found].sort((a, b) => a - b).map((index) => statement.possibleErrors[index])
}

/** Which of the versions at the statement's block: all, or only those that hold still, or only those that do not. */
export type Part = 'all' | 'unchanged' | 'changed'

/**
 * The versions of a type's entities that hold at the statement's block: what stands behind `from`, and the condition that
 * belongs to it.
 */
export function versions(
  statement: Statement,
  entity: EntityType,
  alias: string,
  part: Part = 'all',
): { from: string; condition: string } {
  const from = `${qualifiedTable(statement.schema, entity)} ${alias}`
  const isCurrent = `${alias}.valid_to = ${CURRENT}`
  if (statement.block === null) return { from, condition: isCurrent }
  const block = bind(statement, statement.block, 'integer')
  const hasBegun = `${alias}.valid_from <= ${block}`
  if (entity.isImmutable || part === 'unchanged') return { from, condition: `${isCurrent} and ${hasBegun}` }
  const hasNotEnded = `${alias}.valid_to > ${block}`
  if (part === 'all') return { from, condition: `${hasBegun} and ${hasNotEnded}` }
  return { from, condition: `${alias}.valid_to < ${CURRENT} and ${hasNotEnded} and ${hasBegun}` }
}
