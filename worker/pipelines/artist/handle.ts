import { createHash } from 'node:crypto'

/** By which the handles of this kind of account are known. */
const SUFFIX = '-ks1'
/** How many handles are tried for one artist. */
const TRIES = 10

/** Letters that do not come apart into a plain one and its accent. */
const LETTERS: Readonly<Record<string, string>> = {
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ß: 'ss',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ł: 'l',
  ħ: 'h',
  ı: 'i',
  ŋ: 'n',
}

/**
 * A name in the letters of handles: `a` to `z`, digits, and single dashes between them. Accents go, apostrophes too; every
 * other sign is a dash.
 *
 * @returns empty for a name in another script
 */
export function sanitizeHandle(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f'’]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]/g, (sign) => LETTERS[sign] ?? '-')
    .replace(/-+/g, '-')
    .replace(/^-|-$/g, '')
}

/**
 * What an artist's account may be called, the first choice first: the name and the suffix, then with numbers, in the end with
 * a mark of the artist's own. The same artist always has the same list.
 *
 * @param artist `name`, and `identity`, which no other artist of any installation has
 * @param longest most characters of a handle
 */
export function handleCandidates(artist: { name: string; identity: string }, longest: number): readonly string[] {
  const mark = createHash('sha256').update(artist.identity).digest('hex').slice(0, 10)
  const base = sanitizeHandle(artist.name) || `artist-${mark}`
  const marks = ['', ...Array.from({ length: TRIES - 2 }, (_, index) => `-${index + 2}`), `-${mark}`]
  return marks.map((own) => `${cut(base, longest - own.length - SUFFIX.length)}${own}${SUFFIX}`)
}

function cut(base: string, length: number): string {
  return base.slice(0, length).replace(/-$/, '')
}
