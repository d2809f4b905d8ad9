import { InvalidInput } from '../../worker/errors.ts'
import { columnsOf, oneLine, pad, shorten } from '../text.ts'
import type { Invocation } from './index.ts'

/** A task's global id: `Task:12`, or plainly `12`. */
export function taskIdOf(text: string): string {
  return /^\d+$/.test(text) ? `Task:${text}` : text
}

/** @throws InvalidInput that says what is missing */
export function requirePositional(invocation: Invocation, index: number, name: string): string {
  const value = invocation.positionals[index]
  if (!value) throw new InvalidInput(`expected ${name}`, { details: { usage: true } })
  return value
}

/** @throws InvalidInput when it is no whole number from 1 to `max` */
export function numberOption(invocation: Invocation, name: string, fallback: number, max: number): number {
  const given = invocation.values[name]
  if (given === undefined) return fallback
  const value = Number(given)
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new InvalidInput(`expected --${name} to be a whole number from 1 to ${max}, got ${JSON.stringify(given)}`, {
      details: { usage: true },
    })
  }
  return value
}

export function textOption(invocation: Invocation, name: string): string | undefined {
  const given = invocation.values[name]
  return typeof given === 'string' && given !== '' ? given : undefined
}

/** The words of an option that takes several, separated by commas, as GraphQL's enums are written; null when not given. */
export function enumOption(invocation: Invocation, name: string): string[] | null {
  return textOption(invocation, name)?.toUpperCase().replaceAll('-', '_').split(',') ?? null
}

/**
 * Rows as columns of even width, one line each. Empty columns go.
 *
 * @param room columns that a line may take: those of the terminal unless given
 */
export function table(
  rows: readonly (readonly string[])[],
  room = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY,
): string[] {
  const cells = rows.map((row) => row.map(oneLine))
  const widths = cells[0]?.map((_cell, column) => Math.max(...cells.map((row) => columnsOf(row[column])))) ?? []
  return cells.map((row) => {
    const columns = row.flatMap((cell, column) => (widths[column] > 0 ? [pad(cell, widths[column])] : []))
    return shorten(columns.join('  ').trimEnd(), room)
  })
}

/** `1 task`, `2 tasks`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
