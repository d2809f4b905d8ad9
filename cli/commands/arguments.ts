import { InvalidInput } from '../../worker/errors.ts'
import type { Invocation } from './index.ts'

/** A track's global id: `Track:12`, or plainly `12`. */
export function trackIdOf(text: string): string {
  return /^\d+$/.test(text) ? `Track:${text}` : text
}

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

/** Rows as columns of even width. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_cell, column) => Math.max(...rows.map((row) => row[column].length))) ?? []
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  )
}
