/** A piece of a line that is never broken, in ems of width. */
export interface Piece {
  readonly widthEm: number
  /** Whether a row may end after it. */
  readonly canBreakAfter: boolean
}

export interface Rows {
  /** Indices of the pieces that end a row, without the last. */
  readonly breaksAfter: readonly number[]
  /** Size of the em, at most what was asked for. */
  readonly emPx: number
  readonly count: number
}

/** A line a little too long is drawn smaller rather than broken. */
const SHRINK_BEFORE_BREAK = 0.85
/** Rows are added until the text is at least this large. */
const SMALLEST = 0.7
const MOST_ROWS = 4

/** Fits a line into `widthPx`: whole, a little smaller, or broken into the fewest rows of nearly equal width. */
export function fitRows(pieces: readonly Piece[], emPx: number, widthPx: number): Rows {
  const whole = sum(pieces)
  if (whole * emPx * SHRINK_BEFORE_BREAK <= widthPx) {
    return { breaksAfter: [], emPx: Math.min(emPx, widthPx / Math.max(whole, 1e-9)), count: 1 }
  }
  let best: Rows = { breaksAfter: [], emPx: widthPx / whole, count: 1 }
  for (let count = 2; count <= MOST_ROWS && best.emPx < emPx * SMALLEST; count++) {
    const { breaksAfter, widest } = breakEvenly(pieces, count)
    const size = Math.min(emPx, widthPx / widest)
    if (size > best.emPx) best = { breaksAfter, emPx: size, count: breaksAfter.length + 1 }
  }
  return best
}

/** The breaks into at most `count` rows that make the widest row narrowest. */
function breakEvenly(pieces: readonly Piece[], count: number): { breaksAfter: number[]; widest: number } {
  let low = Math.max(...pieces.map((piece) => piece.widthEm))
  let high = sum(pieces)
  let best: number[] = []
  for (let step = 0; step < 24; step++) {
    const middle = (low + high) / 2
    const breaks = breakAt(pieces, middle)
    if (breaks.length < count && widestOf(pieces, breaks) <= middle) {
      best = breaks
      high = middle
    } else {
      low = middle
    }
  }
  return { breaksAfter: best, widest: widestOf(pieces, best) }
}

/** Fills rows up to `limit`; a row without a place to break runs over. */
function breakAt(pieces: readonly Piece[], limit: number): number[] {
  const breaks: number[] = []
  let width = 0
  let lastBreak = -1
  let widthAtBreak = 0
  for (const [index, piece] of pieces.entries()) {
    if (width + piece.widthEm > limit && lastBreak >= 0) {
      breaks.push(lastBreak)
      width -= widthAtBreak
      lastBreak = -1
    }
    width += piece.widthEm
    if (piece.canBreakAfter && index < pieces.length - 1) {
      lastBreak = index
      widthAtBreak = width
    }
  }
  return breaks
}

function widestOf(pieces: readonly Piece[], breaks: readonly number[]): number {
  const ends = [...breaks, pieces.length - 1]
  return Math.max(...ends.map((end, row) => sum(pieces.slice(row === 0 ? 0 : ends[row - 1]! + 1, end + 1))))
}

function sum(pieces: readonly Piece[]): number {
  return pieces.reduce((total, piece) => total + piece.widthEm, 0)
}
