/** How tags of the LRC format are read and written: times, headers, and text that only looks like a tag. */

/** Headers of the LRC format; a line `[x:…]` with another name is not a header. */
const HEADER = /^\[(ti|ar|al|au|lr|by|re|ve|tool|length|offset|la|#):(.*)\]$/i

// Minutes, seconds, fraction; with hours when three numbers stand before the fraction.
const TIME = String.raw`(?:(\d{1,2}):)?(\d{1,4}):(\d{1,2})(?:[.:,](\d{1,6}))?`
const LEADING_TAG = new RegExp(String.raw`^\s*\[${TIME}\]`)
const INLINE_TAG = new RegExp(String.raw`[<[]${TIME}[>\]]`, 'g')

/** A stretch of text and the tag before it (null for text before any tag). */
export interface Fragment {
  readonly atMs: number | null
  readonly text: string
}

/** The name (in lower case) and value of a header line, or null. */
export function readHeader(line: string): { readonly name: string; readonly value: string } | null {
  const match = HEADER.exec(line.trim())
  return match ? { name: match[1].toLowerCase(), value: match[2].trim() } : null
}

/** Takes the time tags off the front of a line: `[00:10.00][01:10.00]text` gives two times and `text`. */
export function readLeadingTimes(line: string): { readonly timesMs: number[]; readonly rest: string } {
  const timesMs: number[] = []
  let rest = line
  for (let match = LEADING_TAG.exec(rest); match; match = LEADING_TAG.exec(rest)) {
    const timeMs = tagTime(match)
    if (timeMs === null) break
    if (!timesMs.includes(timeMs)) timesMs.push(timeMs)
    rest = rest.slice(match[0].length)
  }
  return { timesMs, rest }
}

/** Splits a line's text at its word tags, `<00:01.20>` or `[00:01.20]`. */
export function splitAtTags(text: string): Fragment[] {
  const fragments: Fragment[] = []
  let atMs: number | null = null
  let from = 0
  for (const match of text.matchAll(INLINE_TAG)) {
    const timeMs = tagTime(match)
    if (timeMs === null) continue
    fragments.push({ atMs, text: text.slice(from, match.index) })
    atMs = timeMs
    from = match.index + match[0].length
  }
  fragments.push({ atMs, text: text.slice(from) })
  return fragments
}

/** `mm:ss.xxx`; minutes go on past 99 (`[120:00.000]`), as hours have no agreed form. */
export function formatTime(timeMs: number, decimals: 2 | 3): string {
  const units = decimals === 3 ? timeMs : Math.round(timeMs / 10)
  const perSecond = 10 ** decimals
  const minutes = Math.floor(units / (60 * perSecond))
  const seconds = Math.floor(units / perSecond) % 60
  const fraction = units % perSecond
  return `${pad(minutes, 2)}:${pad(seconds, 2)}.${pad(fraction, decimals)}`
}

// LRC has no escape. A word joiner (invisible, no width) behind the bracket keeps lyrics such as "<3:16>" from being read as a tag;
// one is added to however many are there, so that taking one off always restores the text.
const LIKE_A_TAG = /([<[])(\u2060*)(?=[\d:.,]+[>\]])/g
const ESCAPED_TAG = /([<[])\u2060(\u2060*)(?=[\d:.,]+[>\]])/g

export function escapeTags(text: string): string {
  return text.replace(LIKE_A_TAG, '$1\u2060$2')
}

export function unescapeTags(text: string): string {
  return text.replace(ESCAPED_TAG, '$1$2')
}

/** Milliseconds of a matched tag, or null when it is no time (`[00:75.00]`). */
function tagTime(match: RegExpMatchArray | RegExpExecArray): number | null {
  let [, hours, minutes, seconds, fraction] = match
  // "[00:12:34]" is minutes, seconds and hundredths; only one digit in front, "[1:02:03]", means hours.
  if (hours === undefined && fraction === undefined) return clockMs('0', minutes, seconds, '0')
  if (hours !== undefined && fraction === undefined && hours.length === 2) {
    fraction = seconds
    seconds = minutes
    minutes = hours
    hours = '0'
  }
  return clockMs(hours ?? '0', minutes, seconds, fraction ?? '0')
}

function clockMs(hours: string, minutes: string, seconds: string, fraction: string): number | null {
  if (Number(seconds) >= 60 || (Number(hours) > 0 && Number(minutes) >= 60)) return null
  const fractionMs = Number(fraction.slice(0, 3).padEnd(3, '0'))
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + fractionMs
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0')
}
