/** Times of a line, in ms. Lines come in order of their start and may overlap. */
export interface LineTimes {
  readonly startMs: number
  readonly endMs: number
}

/** When and where a line is on screen. `showMs ≤ startMs` of its line, `hideMs ≥ endMs`. */
export interface Placement {
  readonly showMs: number
  readonly hideMs: number
  /**
   * How many lines below the top of the page, 0 … `slots − 1`; not whole where short pages are centred, negative for lines
   * that overlap so much that the page is full.
   */
  readonly row: number
}

/** A stretch with nothing to sing: from when the screen is empty to the start of the next line. */
export interface Pause {
  readonly fromMs: number
  /** When the next page comes up. */
  readonly untilMs: number
  /** When its first line is sung. */
  readonly startMs: number
  /** Where that line stands. */
  readonly row: number
}

export interface Pages {
  readonly placements: readonly Placement[]
  readonly pauses: readonly Pause[]
}

/** A longer silence clears the screen. */
const PAUSE_MS = 5_000
/** How long before its first word a page comes up after a pause. */
const AHEAD_MS = 4_000
/** How long the last lines stay after they are sung. */
const HOLD_MS = 1_000

/**
 * Lays lines out as a singer reads them: pages of up to `slots` lines, evenly filled. When the last line of a page begins,
 * the first lines of the next page take the places above it, so there is always something to read ahead. A pause clears the
 * screen, and the page after it comes up four seconds early.
 *
 * @param fromMs nothing is shown before
 */
export function layOutPages(lines: readonly LineTimes[], slots: number, fromMs: number): Pages {
  const placements: Placement[] = []
  const pauses: Pause[] = []
  let clearMs = fromMs
  for (const run of splitAtPauses(lines)) {
    const startMs = run[0]!.startMs
    const untilMs = Math.min(startMs, Math.max(clearMs, startMs - AHEAD_MS))
    const placed = placeRun(splitEvenly(run, slots), slots, untilMs)
    pauses.push({ fromMs: clearMs, untilMs, startMs, row: placed[0]!.row })
    placements.push(...placed)
    clearMs = Math.max(clearMs, ...placed.map(({ hideMs }) => hideMs))
  }
  return { placements, pauses }
}

/** The pages between two pauses. They share the screen: a line waits until the one in its place has gone. */
function placeRun(pages: readonly (readonly LineTimes[])[], slots: number, untilMs: number): Placement[] {
  const placements: Placement[] = []
  const freeAtMs: number[] = []
  const top = (slots - Math.max(...pages.map((page) => page.length))) / 2
  const runEndMs = Math.max(...pages.map(endOf))
  pages.forEach((page, index) => {
    const previous = pages[index - 1]
    const isLastPage = index === pages.length - 1
    page.forEach((line, place) => {
      const isAbovePrevious = previous !== undefined && place < previous.length - 1
      const wantedMs = isAbovePrevious ? previous.at(-1)!.startMs : previous ? endOf(previous) : untilMs
      const slot = freeSlot(freeAtMs, place, line.startMs)
      const showMs = Math.min(line.startMs, Math.max(wantedMs, freeAtMs[slot] ?? 0))
      const hideMs = isLastPage ? runEndMs + HOLD_MS : Math.max(line.endMs, page.at(-1)!.startMs)
      freeAtMs[slot] = hideMs
      placements.push({ showMs, hideMs, row: slot < slots ? top + slot : slots - 1 - slot })
    })
  })
  return placements
}

function endOf(page: readonly LineTimes[]): number {
  return Math.max(...page.map((line) => line.endMs))
}

function splitAtPauses<Line extends LineTimes>(lines: readonly Line[]): Line[][] {
  const runs: Line[][] = []
  let endMs = Number.NEGATIVE_INFINITY
  for (const line of lines) {
    if (line.startMs - endMs >= PAUSE_MS) runs.push([])
    runs.at(-1)!.push(line)
    endMs = Math.max(endMs, line.endMs)
  }
  return runs
}

function splitEvenly<Item>(items: readonly Item[], most: number): Item[][] {
  const count = Math.ceil(items.length / most)
  return Array.from({ length: count }, (_, index) =>
    items.slice(Math.round((index * items.length) / count), Math.round(((index + 1) * items.length) / count)),
  )
}

function freeSlot(freeAtMs: readonly number[], wanted: number, startMs: number): number {
  for (let slot = wanted; ; slot++) if ((freeAtMs[slot] ?? 0) <= startMs) return slot
}
