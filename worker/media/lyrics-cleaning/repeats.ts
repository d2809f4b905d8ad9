/** Beyond this a mark is more likely a mistake or a fade-out: the line is kept once. */
const MOST_REPEATS = 8

const TIMES = 'times|mal|veces|vezes|fois|volte|раза?|次|回|번'
const COUNTED = String.raw`(?:(?:repeat|répéter|repetir|wiederholen)\s*)?(?:[x×]\s?(\d{1,2})|(\d{1,2})\s?(?:[x×]|${TIMES}))`
const NAMED = 'repeat|bis|twice|ter|thrice'
// In brackets every form is a mark; without them only "x2", "×2" and "2x".
const BRACKETED_MARK = new RegExp(String.raw`\s*[([{（]\s*(?:${COUNTED}|(${NAMED}))\s*[)\]}）]\s*[.,]?$`, 'iu')
const BARE_MARK = /(?:^|\s+)(?:[x×]\s?(\d{1,2})|(\d{1,2})\s?[x×])\s*[.,]?$/iu
// "[Chorus x2]", "[Refrain: 2x]"
const INNER_MARK = /[\s:,]+(?:[x×]\s?(\d{1,2})|(\d{1,2})\s?[x×])\s*([)\]}】）])$/iu

const NAMED_COUNTS: Readonly<Record<string, number>> = { repeat: 2, bis: 2, twice: 2, ter: 3, thrice: 3 }

/** Takes the repeat marks off a line's end: `La la (x2)` gives `La la` and 2. Marks multiply; without one the count is 1. */
export function readRepeat(line: string): { readonly text: string; readonly count: number } {
  let text = line
  let count = 1
  for (;;) {
    const match = BRACKETED_MARK.exec(text) ?? BARE_MARK.exec(text)
    const inner = match ? null : INNER_MARK.exec(text)
    if (match) {
      count *= match[3] ? NAMED_COUNTS[match[3].toLowerCase()] : Number(match[1] ?? match[2])
      text = text.slice(0, match.index).trim()
    } else if (inner) {
      count *= Number(inner[1] ?? inner[2])
      text = `${text.slice(0, inner.index)}${inner[3]}`
    } else return { text, count: count >= 1 && count <= MOST_REPEATS ? count : 1 }
  }
}
