const ROOT = '[A-H][#b♯♭]?'
const QUALITY = String.raw`(?:maj|min|dim|aug|sus|add|m|M|°|ø|\+|-)?(?:\d{1,2})?(?:(?:maj|sus|add|dim|aug|no|[#b+-])\d{1,2})*(?:\((?:[#b]?\d{1,2}|add\d{1,2}|sus\d)\))?`
const CHORD = new RegExp(String.raw`^\(?${ROOT}${QUALITY}(?:\/${ROOT})?\)?$`)
const BARE_CHORD = /^[A-H]$/
const BETWEEN_CHORDS = /^(?:[|:%/–—-]+|N\.?C\.?|\.{2,}|[x×]\d+|\(?[x×]?\d{1,2}[x×]?\)?|\*)$/
const INLINE_CHORD = new RegExp(String.raw`\[${ROOT}${QUALITY}(?:\/${ROOT})?\]`, 'g')
const TABLATURE = /^(?:[A-Ha-h][#b]?\s*)?[|:][-\d|hpbrx/\\~^s().:\s]*-{2,}[-\d|hpbrx/\\~^s().:\s]*$/

/**
 * How surely a line is chords, not words: `sure` where one of them could be nothing else (`Am  G`, `F#`), `maybe` where all are plain
 * letters (`A B C`), `no` otherwise.
 */
export function chordLine(line: string): 'sure' | 'maybe' | 'no' {
  if (TABLATURE.test(line)) return 'sure'
  const tokens = line.split(/\s+/).filter((token) => token !== '')
  const chords = tokens.filter((token) => CHORD.test(token))
  if (chords.length === 0 || !tokens.every((token) => CHORD.test(token) || BETWEEN_CHORDS.test(token))) return 'no'
  const isWritten = chords.some((chord) => !BARE_CHORD.test(chord)) || tokens.some((token) => token.startsWith('|'))
  // Columns of letters stand over words; "A B C" with single spaces may be sung.
  return isWritten || (chords.length > 1 && /\S\s{2,}\S/.test(line.trim())) ? 'sure' : 'maybe'
}

/** ChordPro's `[Am]Row, [G]row` without its chords. */
export function stripInlineChords(line: string): string {
  return line.replace(INLINE_CHORD, '')
}
