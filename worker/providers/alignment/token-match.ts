/** A span of text with its time, as a vendor gives it. */
export interface TimedToken {
  readonly text: string
  readonly startMs: number
  readonly endMs: number
  readonly confidence: number | null
}

export interface MatchedWord {
  readonly startMs: number
  readonly endMs: number
  readonly confidence: number | null
}

/**
 * Gives each word its time from a vendor's tokens. Vendors split words, join them, change punctuation and drop some. Words that
 * come back as they went are matched first (longest common subsequence); between them, letters and digits are matched the same
 * way, without regard to case and form.
 *
 * @returns for each word its span, or null when none of its letters was found
 */
export function matchWords(words: readonly string[], tokens: readonly TimedToken[]): readonly (MatchedWord | null)[] {
  const pairs = commonPairs(
    words.map(lettersIn).map(joined),
    tokens.map(({ text }) => joined(lettersIn(text))),
  )
  const matched: (MatchedWord | null)[] = []
  let nextToken = 0
  for (const [word, token] of [...pairs, [words.length, tokens.length] as const]) {
    matched.push(...matchLetters(words.slice(matched.length, word), tokens.slice(nextToken, token)))
    const { startMs, endMs, confidence } = tokens[token] ?? { startMs: 0, endMs: 0, confidence: null }
    if (word < words.length) matched.push({ startMs, endMs, confidence })
    nextToken = token + 1
  }
  return matched
}

function matchLetters(words: readonly string[], tokens: readonly TimedToken[]): (MatchedWord | null)[] {
  const ours = lettersOf(words)
  const theirs = lettersOf(tokens.map(({ text }) => text))
  const matched = words.map<{ first: number; last: number } | null>(() => null)
  for (const [our, their] of commonPairs(ours.letters, theirs.letters)) {
    const span = matched[ours.owners[our]!]
    if (span) span.last = their
    else matched[ours.owners[our]!] = { first: their, last: their }
  }
  return matched.map((span) => span && spanOf(span, theirs, tokens))
}

/** Time within a token runs evenly over its letters: that is all that is known of it. */
function spanOf(
  { first, last }: { first: number; last: number },
  theirs: Letters,
  tokens: readonly TimedToken[],
): MatchedWord {
  const head = tokens[theirs.owners[first]!]!
  const tail = tokens[theirs.owners[last]!]!
  const at = (token: TimedToken, letter: number, count: number) =>
    Math.round(token.startMs + ((token.endMs - token.startMs) * letter) / count)
  const confidences = tokens
    .slice(theirs.owners[first], theirs.owners[last]! + 1)
    .flatMap(({ confidence }) => (confidence === null ? [] : [confidence]))
  return {
    startMs: at(head, theirs.offsets[first]!, theirs.counts[theirs.owners[first]!]!),
    endMs: at(tail, theirs.offsets[last]! + 1, theirs.counts[theirs.owners[last]!]!),
    confidence: confidences.length ? confidences.reduce((sum, one) => sum + one, 0) / confidences.length : null,
  }
}

interface Letters {
  readonly letters: readonly string[]
  /** Which word each letter belongs to, and its place in it. */
  readonly owners: readonly number[]
  readonly offsets: readonly number[]
  /** Letters per word. */
  readonly counts: readonly number[]
}

function lettersOf(words: readonly string[]): Letters {
  const letters: string[] = []
  const owners: number[] = []
  const offsets: number[] = []
  const counts = words.map((word, owner) => {
    const own = lettersIn(word)
    own.forEach((letter, offset) => {
      letters.push(letter)
      owners.push(owner)
      offsets.push(offset)
    })
    return own.length
  })
  return { letters, owners, offsets, counts }
}

function lettersIn(text: string): string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]\p{M}*/gu) ?? []
  )
}

function joined(letters: readonly string[]): string {
  return letters.join('')
}

/** More cells than this would hold everything else up: then only a band around the diagonal is searched. */
const MAX_CELLS = 4_000_000

/** Pairs of places that make a longest common subsequence, in order. Equal texts take linear time. */
function commonPairs(a: readonly string[], b: readonly string[]): [number, number][] {
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++
  const pairs: [number, number][] = Array.from({ length: head }, (_, i) => [i, i])
  const rows = a.length - head - tail
  const columns = b.length - head - tail
  for (const [i, j] of longest(a.slice(head, head + rows), b.slice(head, head + columns)))
    pairs.push([head + i, head + j])
  for (let k = tail; k > 0; k--) pairs.push([a.length - k, b.length - k])
  return pairs
}

function longest(a: readonly string[], b: readonly string[]): [number, number][] {
  const width = b.length + 1
  const band = a.length * width <= MAX_CELLS ? width : Math.max(Math.floor(MAX_CELLS / (2 * a.length + 2)), 1)
  const centre = (i: number) => Math.round((i * b.length) / Math.max(a.length, 1))
  const low = (i: number) => Math.max(centre(i) - band, 0)
  const high = (i: number) => Math.min(centre(i) + band, b.length)
  // Lengths of the rest, from the back; cells outside the band count as 0.
  const lengths = Array.from({ length: a.length + 1 }, (_, i) => new Uint32Array(high(i) - low(i) + 1))
  const at = (i: number, j: number) => (j < low(i) || j > high(i) ? 0 : lengths[i]![j - low(i)]!)
  for (let i = a.length - 1; i >= 0; i--) {
    const row = lengths[i]!
    for (let j = Math.min(high(i), b.length - 1); j >= low(i); j--) {
      row[j - low(i)] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), j < high(i) ? row[j + 1 - low(i)]! : 0)
    }
  }
  const pairs: [number, number][] = []
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j] && at(i, j) === at(i + 1, j + 1) + 1) pairs.push([i++, j++])
    else if (at(i + 1, j) >= at(i, j + 1)) i++
    else j++
  }
  return pairs
}
