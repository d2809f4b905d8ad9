/** A section's heading, `[Chorus: Ana]` or `Verse 1:`. */
export interface Heading {
  /** The section's name in lower case with its number: `chorus`, `verse 2`. */
  readonly name: string
  /** How often the section is sung, from `[Chorus x2]`. */
  readonly count: number
  /** Words on the heading's own line: `Chorus: Oh baby`. */
  readonly rest: string
}

// Words that stand alone on a line only as headings.
const SURE = [
  ...[
    'pre[- ]?chorus',
    'post[- ]?chorus',
    'chorus',
    'verse',
    'refrain',
    'intro',
    'introduction',
    'outro',
    'bridge',
    'interlude',
  ],
  ...[
    'instrumental(?: break| bridge| solo| outro| intro)?',
    '(?:guitar|piano|sax|saxophone|drum|bass|violin|harmonica) (?:solo|break)',
  ],
  ...['pre-hook', 'breakdown', 'middle (?:8|eight)', 'ad[- ]?libs?', 'spoken(?: word| intro)?', 'non-lyrical vocals'],
  ...['couplet', 'pré-refrain', 'post-refrain'],
  ...['estribillo', 'pre-?estribillo', 'pre-?coro', 'estrofa', 'verso', 'interludio'],
  ...['refrão', 'pré-refrão', 'pós-refrão', 'estrofe', 'introdução', 'interlúdio'],
  ...['ritornello', 'pre-ritornello', 'strofa', 'bridge strumentale'],
  ...[
    'strophe',
    'kehrreim',
    'zwischenspiel',
    'pre-refrain',
    'refräng',
    'omkvæd',
    'omkved',
    'refren',
    'zwrotka',
    'nakarat',
    'kıta',
  ],
  ...['припев', 'куплет', 'пред-?припев', 'бридж', 'проигрыш', 'вступление'],
  ...['サビ', '[ABCabc]メロ', '間奏', '间奏', '前奏', '尾奏', '主歌', '副歌', '导歌', '후렴', '벌스', '브릿지', '간주'],
]
// Words that are sung too ("Solo", "Drop"): headings only with square brackets, a colon or a number.
const UNSURE = [
  ...[
    'hook',
    'solo',
    'break',
    'drop',
    'coda',
    'tag',
    'vamp',
    'ending',
    'end',
    'part',
    'build',
    'skit',
    'sample',
    'rap',
    'pre',
    'post',
  ],
  ...[
    'pont',
    'puente',
    'ponte',
    'coro',
    'final',
    'parte',
    'partie',
    'teil',
    'vers',
    'stick',
    'most',
    'köprü',
    'мост',
    'конец',
  ],
]

const NUMBER = String.raw`(?:\s*#?\s*(\d{1,2}|[ivx]{1,4}|[a-d]|one|two|three|four))?`
const headingOf = (names: readonly string[]) =>
  new RegExp(String.raw`^(?:repeat\s+)?(?:the\s+)?(${names.join('|')})${NUMBER}(?![\p{L}\p{M}\p{N}'’-])\s*(.*)$`, 'iu')
const SURE_HEADING = headingOf(SURE)
const ANY_HEADING = headingOf([...SURE, ...UNSURE])
const SEPARATOR = /^[:：\-–—,&+/|(]/
const BRACKETED = /^(?:\[([^[\]]*)\]|【([^【】]*)】|\{([^{}]*)\}|<([^<>]*)>|\(([^()]*)\)|（([^（）]*)）)\s*:?$/u

/**
 * Reads a line as a heading, or null when it is one to sing.
 *
 * @param line without its repeat mark
 * @param count from the repeat mark
 */
export function readHeading(line: string, count: number): Heading | null {
  const bracketed = BRACKETED.exec(line)
  if (bracketed) {
    const isRound = bracketed[5] !== undefined || bracketed[6] !== undefined
    const inner = (bracketed.slice(1).find((group) => group !== undefined) ?? '').trim()
    return readBracketed(inner, isRound, count)
  }
  const match = ANY_HEADING.exec(line)
  if (!match) return null
  const [, word, number, rest] = match
  if (/^[:：]/.test(rest)) return { name: nameOf(word, number), count, rest: rest.slice(1).trim() }
  if (rest !== '' && !/^[.\-–—]+$/.test(rest)) return null
  const startsAsTitle = word[0] !== word[0].toLowerCase() || word[0] === word[0].toUpperCase()
  const isSure = SURE_HEADING.test(line)
  const isPlain = isSure ? startsAsTitle || number !== undefined || count > 1 : /^\d/.test(number ?? '')
  return isPlain || /^repeat\s/i.test(line) ? { name: nameOf(word, number), count, rest: '' } : null
}

/** Whether the whole line stands in square brackets; sites that head sections so put every remark so. */
export function isSquareBracketed(line: string): boolean {
  return /^(?:\[[^[\]]*\]|【[^【】]*】)$/u.test(line)
}

function readBracketed(inner: string, isRound: boolean, count: number): Heading | null {
  const match = (isRound ? SURE_HEADING : ANY_HEADING).exec(inner)
  if (!match) return null
  const [, word, number, rest] = match
  // "(Chorus of angels)" is sung; "[Chorus Ana & Bo]" is not.
  if (isRound && rest !== '' && !SEPARATOR.test(rest)) return null
  return { name: nameOf(word, number), count, rest: '' }
}

function nameOf(word: string, number: string | undefined): string {
  return (number === undefined ? word : `${word} ${number}`).toLowerCase()
}
