const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
// Emoji, CJK, Hangul and full-width forms take two columns.
const WIDE =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u
// biome-ignore lint/suspicious/noControlCharactersInRegex: keeping control characters off the terminal is the purpose
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g

/** The text as one line that a terminal only shows: line breaks and control characters become spaces. */
export function oneLine(text: string): string {
  return text.replace(CONTROLS, ' ').replace(/ {2,}/g, ' ').trim()
}

/** How many columns a line takes on a terminal. */
export function columnsOf(line: string): number {
  let columns = 0
  for (const { segment } of graphemes.segment(line)) columns += WIDE.test(segment) ? 2 : 1
  return columns
}

/** The line, cut to at most `columns` columns; an ellipsis shows that something is missing. */
export function shorten(line: string, columns: number): string {
  if (columnsOf(line) <= columns) return line
  let kept = ''
  let width = 1
  for (const { segment } of graphemes.segment(line)) {
    width += WIDE.test(segment) ? 2 : 1
    if (width > columns) break
    kept += segment
  }
  return columns < 1 ? '' : `${kept.trimEnd()}…`
}

/** The line, filled up with spaces to `columns` columns. */
export function pad(line: string, columns: number): string {
  return line + ' '.repeat(Math.max(0, columns - columnsOf(line)))
}

/** What went wrong, for people; some errors of Node carry their words only in their parts. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message || error.name : String(error)
}
