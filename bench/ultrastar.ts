/** A word of a song with its true onset, and the line that it is in. */
export interface TrueWord {
  readonly text: string
  readonly startSeconds: number
  readonly lineIndex: number
}

/**
 * Words of an UltraStar song text. Notes are syllables on a grid of a quarter beat: time = GAP/1000 + beat × 60 / (BPM × 4)
 * seconds. A syllable that begins with a space (or follows one that ends with a space) begins a word; `~` prolongs the syllable before; `-` ends
 * a line.
 */
export function parseUltrastar(text: string): TrueWord[] {
  const headers = new Map<string, string>()
  const words: { text: string; startSeconds: number; lineIndex: number }[] = []
  let line = 0
  let isOpen = false
  const number = (name: string) => Number((headers.get(name) ?? '0').replace(',', '.'))
  for (const row of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const header = /^#([A-Z0-9]+):(.*)$/.exec(row)
    if (header) headers.set(header[1], header[2].trim())
    if (row.startsWith('E')) break
    if (row.startsWith('-')) {
      line++
      isOpen = false
    }
    const note = /^[:*FRG]\s+(-?\d+)\s+\d+\s+-?\d+ ?(.*)$/.exec(row)
    if (!note) continue
    const [, beat, syllable] = note
    const isHeld = /^\s*[~-]*\s*$/.test(syllable)
    const sung = syllable.trim().replaceAll('~', '')
    if (isOpen && (isHeld || !/^\s/.test(syllable))) words[words.length - 1].text += isHeld ? '' : sung
    else if (!isHeld) {
      const startSeconds = number('GAP') / 1000 + (Number(beat) * 60) / (number('BPM') * 4)
      words.push({ text: sung, startSeconds, lineIndex: line })
      isOpen = true
    }
    if (/\s$/.test(syllable)) isOpen = false
  }
  return words.filter((word) => /[\p{L}\p{N}]/u.test(word.text))
}
