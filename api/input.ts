import { z } from 'zod'
import { InvalidInput } from '../worker/errors.ts'

/** Largest JSON value a client may attach to something. */
const LARGEST_JSON_CHARACTERS = 16_384

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: line breaks and tabs are allowed here, the rest is refused
const CONTROL_IN_TEXT = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/

const isWellFormed = (text: string) => text.isWellFormed()

/** One line of text: trimmed, not empty, no control characters. */
export const line = (maxCharacters: number) =>
  z
    .string()
    .trim()
    .min(1, 'is empty')
    .max(maxCharacters, `is longer than ${maxCharacters} characters`)
    .refine((text) => !CONTROL.test(text), 'contains control characters')
    .refine(isWellFormed, 'is not valid Unicode')

/** Text of several lines; `\r\n` becomes `\n`. */
export const text = (maxCharacters: number) =>
  z
    .string()
    .max(maxCharacters, `is longer than ${maxCharacters} characters`)
    .transform((value) => value.replace(/\r\n?/g, '\n'))
    .refine((value) => value.trim() !== '', 'is empty')
    .refine((value) => !CONTROL_IN_TEXT.test(value), 'contains control characters')
    .refine(isWellFormed, 'is not valid Unicode')

/** A BCP 47 language tag in its canonical form. */
export const language = () =>
  z.string().transform((tag, context) => {
    try {
      return Intl.getCanonicalLocales(tag.trim())[0]
    } catch {
      context.addIssue({ code: 'custom', message: 'expected a language tag like en or pt-BR' })
      return z.NEVER
    }
  })

/** An absolute http or https address without credentials. */
export const webAddress = () =>
  z
    .string()
    .max(2048, 'is longer than 2048 characters')
    .transform((value, context) => {
      const url = URL.parse(value.trim())
      if (url && (url.protocol === 'http:' || url.protocol === 'https:') && !url.username && !url.password)
        return url.href
      context.addIssue({ code: 'custom', message: 'expected an http or https address without credentials' })
      return z.NEVER
    })

/** A JSON object of moderate size. */
export const jsonObject = () =>
  z
    .record(z.string(), z.unknown(), 'expected a JSON object')
    .refine(
      (value) => JSON.stringify(value).length <= LARGEST_JSON_CHARACTERS,
      `is longer than ${LARGEST_JSON_CHARACTERS} characters`,
    )
    // PostgreSQL stores every character but this one.
    .refine((value) => !JSON.stringify(value).includes('\\u0000'), 'contains a NUL character')

/**
 * Parses what a client sent.
 *
 * @throws InvalidInput that names the first field at fault, and lists all of them in its details
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map((issue) => ({ field: issue.path.join('.'), message: issue.message }))
  throw new InvalidInput(faults.map((fault) => `${fault.field || 'input'}: ${fault.message}`).join('; '), {
    details: { field: faults[0].field, faults },
  })
}
