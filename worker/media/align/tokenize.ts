import { InvalidInput } from '../../errors.ts'
import type { LyricsLine } from '../lyrics.ts'
import { speakNumber, speakOrdinal } from './numbers.ts'

/** A word of the lyrics as it is written and as it is sung. */
export interface LyricsWord {
  /** Index of its line. */
  readonly line: number
  /** As written, with the punctuation that touches it. */
  readonly text: string
  /** Lower-case words to pronounce one after another; empty when it has no sound (an emoji). */
  readonly spoken: readonly string[]
  /** Where the lyrics say it begins. */
  readonly startMs?: number
}

/**
 * The sung words of some lyrics, in order. Section headings (`[Chorus]`, `Verse 2:`, `(Guitar solo)`) and repeat marks
 * (`x2`) are not sung; words in parentheses are. Scripts without spaces are divided by the platform's word rules.
 *
 * @param language BCP 47: how numbers and `&` are said
 * @throws InvalidInput when no word has a sound
 */
export function tokenizeLyrics(lines: readonly LyricsLine[], language: string): LyricsWord[] {
  const words = lines.flatMap((line, index) => {
    const given = line.words ?? []
    const isSame = given.length > 0 && squeeze(given.map((word) => word.text).join('')) === squeeze(line.text)
    const tokens = isSame
      ? given.flatMap((word) =>
          tokenizeLine(word.text, language).map((token, k) => (k === 0 ? { ...token, startMs: word.startMs } : token)),
        )
      : tokenizeLine(line.text, language)
    return tokens.map((token) => ({ line: index, ...token }))
  })
  if (!words.some((word) => word.spoken.length > 0)) {
    throw new InvalidInput('expected lyrics with at least one word to sing, got none')
  }
  return words
}

/** The words of one line. */
export function tokenizeLine(line: string, language: string): { text: string; spoken: string[] }[] {
  if (isHeading(line)) return []
  const sung = line.replace(ANNOTATION, ' ').replace(REPEAT_MARK, ' ')
  const tokens: { text: string; spoken: string[] }[] = []
  let prefix = ''
  for (const piece of sung.split(/\s+/).flatMap(splitPiece)) {
    if (piece === '') continue
    if (PUNCTUATION_ONLY.test(piece) && !SPOKEN_SIGN.test(piece)) {
      const last = tokens.at(-1)
      if (last) last.text += ` ${piece}`
      else prefix += `${piece} `
      continue
    }
    tokens.push(
      ...splitScript(prefix + piece, language).map((text) => ({ text, spoken: speakWritten(text, language) })),
    )
    prefix = ''
  }
  return tokens
}

const HEADING_WORDS =
  'intro|outro|verse|chorus|pre-?chorus|post-?chorus|bridge|hook|refrain|instrumental|interlude|solo|(?:guitar|piano|drum|sax|bass|keyboard) solo|break|breakdown|coda|drop|skit|repeat|couplet|pont|strophe|estribillo|verso|puente|coro|ritornello|strofa|refr[aã]o'
const NUMBERED = '(?:\\s*(?:\\d{1,2}|[ivx]{1,4}))?(?:\\s*[x×]\\s*\\d{1,2})?'
/** A line that only names a part of the song, with or without brackets or a colon. */
const HEADING = new RegExp(
  `^\\s*(?:[[({【]\\s*(?:${HEADING_WORDS})${NUMBERED}[^\\])}】]*[\\])}】]\\s*:?|(?:${HEADING_WORDS})${NUMBERED}\\s*:)\\s*$`,
  'iu',
)
/** Square brackets hold remarks (who sings, which part), never sung words. */
const ANNOTATION = /\[[^\]]*\]|【[^】]*】/gu
const REPEAT_MARK =
  /[([]\s*(?:[x×]\s*\d{1,2}|\d{1,2}\s*[x×])\s*[)\]]|(?<![\p{L}\p{N}])(?:[x×]\d{1,2}|\d{1,2}[x×])(?![\p{L}\p{N}])/giu
const PUNCTUATION_ONLY = /^[\p{P}\p{Z}$+<=>^`|~♩♪♫♬♭♯]+$/u
/** Read aloud when they stand alone. */
const SPOKEN_SIGN = /^[&+]$/
const APOSTROPHES = /[’‘‛`´ʼʻ＇′]/gu
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u

function isHeading(line: string): boolean {
  return HEADING.test(line)
}

const squeeze = (text: string) => text.replace(/\s+/g, '')

/** Dashes, dots and slashes between words divide them as spaces do; hyphens do not. */
function splitPiece(piece: string): string[] {
  return piece
    .split(/(?<=[\p{L}\p{N}'’][—–…/&]+|[\p{L}\p{N}'’]\.{2,}|[\p{L}]{2}[,;!?]+|[\p{L}]--+)(?=[\p{L}\p{N}'’(])/u)
    .filter((part) => part !== '')
}

function splitScript(piece: string, language: string): string[] {
  if (!UNSPACED.test(piece)) return [piece]
  const words: string[] = []
  let prefix = ''
  for (const { segment, isWordLike } of new Intl.Segmenter(language, { granularity: 'word' }).segment(piece)) {
    if (isWordLike) {
      words.push(prefix + segment)
      prefix = ''
    } else if (words.length > 0) words[words.length - 1] += segment
    else prefix += segment
  }
  if (words.length === 0) return [piece]
  return words
}

const AMPERSAND: Readonly<Record<string, string>> = { fr: 'et', es: 'y', de: 'und', it: 'e', pt: 'e', nl: 'en' }

/** What a written word sounds like: words in lower-case letters and apostrophes. */
function speakWritten(text: string, language: string): string[] {
  const primary = language.split('-')[0].toLowerCase()
  const isEnglish = primary === 'en'
  return text
    .normalize('NFC')
    .replace(APOSTROPHES, "'")
    .toLowerCase()
    .replace(/(?<=\d)[,.](?=\d{3}(?!\d))/g, '')
    .replace(/[&+]/g, ` ${AMPERSAND[primary] ?? 'and'} `)
    .replace(/\$(\d+)/g, isEnglish ? '$1 dollars' : '$1 $$')
    .replace(/%/g, isEnglish ? ' percent ' : ' ')
    .replace(/@/g, isEnglish ? ' at ' : ' ')
    .replace(/(\d+)(?:st|nd|rd|th)\b/g, (match, digits: string) => (isEnglish ? speakOrdinal(digits).join(' ') : match))
    .replace(/(\d*[2-9]0)'?s\b/g, (match, digits: string) =>
      isEnglish ? `${speakNumber(digits, language).join(' ').replace(/y$/, 'ie')}s` : match,
    )
    .replace(/\d+/g, (digits) => ` ${speakNumber(digits, language).join(' ')} `)
    .split(/[^\p{L}\p{M}']+/u)
    .filter((word) => /\p{L}/u.test(word))
}
