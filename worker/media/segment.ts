import { InvalidInput } from '../errors.ts'
import type { TimedLine } from './lyrics.ts'
import { chorusLines, findPauses, type Pause, type Span, sungSpans } from './sung-spans.ts'

export interface ClipConfig {
  readonly minSeconds: number
  readonly maxSeconds: number
  /** The clip starts with the song when the first line comes within this. */
  readonly introSeconds: number
}

export interface ClipRequest {
  readonly lines: readonly TimedLine[]
  /** The song's sections in order, or none when nobody looked for them. */
  readonly sections: readonly (Span & { readonly label: string })[]
  readonly durationMs: number
  readonly config: ClipConfig
}

export interface Clip {
  readonly startMs: number
  readonly endMs: number
  /** What decided the end: `deterministic` for the lyrics' own pauses, `ai` for analysed sections. */
  readonly method: 'deterministic' | 'ai'
  /** Whether it ends where the song itself does or pauses: after a paragraph of lyrics, or with a section. */
  readonly isNatural: boolean
  /** Why it starts and ends there, for people. */
  readonly reasons: readonly string[]
}

interface Ending {
  readonly atMs: number
  readonly score: number
  readonly reason: string
}

/** How far before the first line a section may start to begin the clip. */
const NEAR_SECTION_MS = 10_000
/** Lead-in before the first line when no section starts near. */
const LEAD_IN_MS = 3_000
/** How much of the last note's tail is kept, where the next line leaves room. */
const TAIL_MS = 1_500
/** After the last line the song's end is waited for up to this. */
const LAST_CHORD_MS = 8_000
/** How exact the end of an analysed section is. */
const SECTION_SLACK_MS = 2_500
/** A breath left free before the next line. */
const BREATH_MS = 200

/**
 * Chooses the stretch of a song to share: whole paragraphs of lyrics from the start of the song, as few as last `minSeconds`, or more up
 * to `maxSeconds` when a chorus ends there. Where no paragraph ends in time it ends with a section, else with a line, else between
 * words. The same request always gives the same clip.
 *
 * @throws InvalidInput when the song is shorter than `minSeconds`, or the configuration contradicts itself
 */
export function selectClip({ lines, sections, durationMs, config }: ClipRequest): Clip {
  checkConfig(config)
  const minMs = Math.round(config.minSeconds * 1000)
  const maxMs = Math.round(config.maxSeconds * 1000)
  if (!Number.isFinite(durationMs) || durationMs < minMs) {
    throw new InvalidInput(
      `a clip is ${config.minSeconds}–${config.maxSeconds} s long, and the song lasts ${seconds(durationMs)} s: use the whole song, or set a shorter minimum`,
      { details: { durationMs, minSeconds: config.minSeconds, maxSeconds: config.maxSeconds } },
    )
  }
  const songMs = Math.floor(durationMs)
  const sung = sungSpans(lines, songMs)
  const start = selectStart(sung, sections, songMs - minMs, config)
  const window: Span = { startMs: start.atMs + minMs, endMs: Math.min(start.atMs + maxMs, songMs) }
  const end = selectEnd(lines, sung, sections, songMs, window)
  assertClipBounds(start.atMs, end.atMs, config)
  return {
    startMs: start.atMs,
    endMs: end.atMs,
    method: end.method,
    isNatural: end.isNatural,
    reasons: [start.reason, end.reason],
  }
}

/** @throws InvalidInput when a selection is no span of whole milliseconds, or shorter or longer than the configuration allows */
export function assertClipBounds(startMs: number, endMs: number, config: ClipConfig): void {
  if (!Number.isInteger(startMs) || !Number.isInteger(endMs) || startMs < 0) {
    throw new InvalidInput(`expected a clip's start and end in whole milliseconds from 0, got ${startMs} and ${endMs}`)
  }
  const lengthMs = endMs - startMs
  if (lengthMs < Math.round(config.minSeconds * 1000) || lengthMs > Math.round(config.maxSeconds * 1000)) {
    throw new InvalidInput(
      `a clip must last ${config.minSeconds}–${config.maxSeconds} s, got ${seconds(lengthMs)} s (${startMs}–${endMs} ms)`,
      { details: { startMs, endMs, minSeconds: config.minSeconds, maxSeconds: config.maxSeconds } },
    )
  }
}

function selectStart(
  sung: readonly Span[],
  sections: ClipRequest['sections'],
  latestMs: number,
  config: ClipConfig,
): { readonly atMs: number; readonly reason: string } {
  if (sung.length === 0) return { atMs: 0, reason: 'starts with the song: there are no lyrics' }
  const firstMs = sung[0].startMs
  if (firstMs <= config.introSeconds * 1000) {
    return { atMs: 0, reason: `starts with the song: the first line begins at ${seconds(firstMs)} s` }
  }
  const near = sections.findLast(
    (section) => section.startMs <= firstMs && section.startMs >= firstMs - NEAR_SECTION_MS,
  )
  const wishedMs = near ? Math.floor(near.startMs) : firstMs - LEAD_IN_MS
  const atMs = Math.max(0, Math.min(wishedMs, latestMs))
  if (atMs < wishedMs) return { atMs, reason: `starts ${seconds(atMs)} s in, as late as the shortest clip allows` }
  const what = near ? 'with the section' : 'shortly'
  return { atMs, reason: `starts ${what} before the first line, at ${seconds(atMs)} s` }
}

function selectEnd(
  lines: readonly TimedLine[],
  sung: readonly Span[],
  sections: ClipRequest['sections'],
  songMs: number,
  window: Span,
): { readonly atMs: number; readonly method: Clip['method']; readonly isNatural: boolean; readonly reason: string } {
  const isWithin = (ending: Ending) => ending.atMs >= window.startMs && ending.atMs <= window.endMs
  const best = (endings: readonly Ending[]) =>
    endings.filter(isWithin).reduce<Ending | null>((a, b) => (a === null || b.score > a.score ? b : a), null)
  // Between two equal endings the earlier one wins; the whole window is worth less than one merit.
  const lateness = (atMs: number) => (atMs - window.startMs) / (window.endMs - window.startMs + 1)
  const endsChorus = ({ startMs, endMs }: Span) =>
    sections.some(({ label, endMs: atMs }) => label === 'chorus' && atMs >= startMs - SECTION_SLACK_MS && atMs <= endMs)

  const pauses = findPauses(lines, songMs).filter(
    (pause) => pause.endMs >= window.startMs && pause.startMs <= window.endMs,
  )
  const chorus = chorusLines(lines)
  const endAfter = (pause: Pause, merit: number): Ending => {
    const isChorus = chorus.has(pause.lineIndex) || endsChorus(pause)
    const atMs = cutIn(pause, window)
    const name = `line ${pause.lineIndex + 1}${isChorus ? ', where a chorus ends' : ''}`
    return {
      atMs,
      score: merit + (isChorus ? 2 : 0) - lateness(atMs),
      reason: `ends after ${name}, at ${seconds(atMs)} s`,
    }
  }
  const paragraph = best(pauses.filter((pause) => pause.isParagraph).map((pause) => endAfter(pause, 1)))
  if (paragraph) return { ...paragraph, method: 'deterministic', isNatural: true }

  const isInPause = (atMs: number) => !sung.some((span) => span.startMs < atMs && atMs < span.endMs)
  const section = best(
    sections.map(({ endMs, label }) => {
      const atMs = Math.floor(Math.min(endMs, songMs))
      const score = (label === 'chorus' ? 2 : 0) + (isInPause(atMs) ? 0 : -10) - lateness(atMs)
      return { atMs, score, reason: `ends with the section “${label}”, at ${seconds(atMs)} s` }
    }),
  )
  if (section && section.score > -5) return { ...section, method: 'ai', isNatural: true }

  const line = best(pauses.map((pause) => endAfter(pause, Math.min(1, (pause.endMs - pause.startMs) / 1000))))
  if (line) return { ...line, method: 'deterministic', isNatural: false }
  const rest = endBetweenWords(sung, songMs, window)
  return { ...rest, method: 'deterministic', isNatural: rest.atMs === songMs }
}

/** Where to cut in a pause: after the last note's tail and before the next line, moved into the window where the pause reaches it. */
function cutIn(pause: Pause, window: Span): number {
  // The last chord is not cut off.
  if (pause.isLast && pause.endMs <= window.endMs && pause.endMs - pause.startMs <= LAST_CHORD_MS) return pause.endMs
  const wishedMs = Math.max(
    pause.startMs,
    Math.min(pause.startMs + TAIL_MS, pause.endMs - (pause.isLast ? 0 : BREATH_MS)),
  )
  if (wishedMs < window.startMs) return Math.min(window.startMs, pause.endMs)
  return Math.max(pause.startMs, Math.min(wishedMs, window.endMs))
}

/** The widest gap between words; without one that reaches the window, its latest point outside a word. */
function endBetweenWords(
  sung: readonly Span[],
  songMs: number,
  window: Span,
): { readonly atMs: number; readonly reason: string } {
  let widest: Span | null = null
  let fromMs = window.startMs
  for (const span of [...sung, { startMs: window.endMs, endMs: window.endMs }]) {
    const gap = { startMs: Math.max(fromMs, window.startMs), endMs: Math.min(span.startMs, window.endMs) }
    const isWider = widest === null || gap.endMs - gap.startMs > widest.endMs - widest.startMs
    if (gap.endMs >= gap.startMs && isWider) widest = gap
    fromMs = Math.max(fromMs, span.endMs)
  }
  if (!widest)
    return { atMs: window.endMs, reason: `ends at ${seconds(window.endMs)} s, within a note that does not end in time` }
  if (sung.length === 0) {
    const isShort = window.endMs === songMs
    return isShort
      ? { atMs: songMs, reason: `ends with the song, at ${seconds(songMs)} s` }
      : {
          atMs: window.startMs,
          reason: `ends at ${seconds(window.startMs)} s, the shortest clip: neither lyrics nor sections say where`,
        }
  }
  const atMs = Math.min(widest.startMs + TAIL_MS, Math.floor((widest.startMs + widest.endMs) / 2))
  return { atMs, reason: `ends in the widest pause between words, at ${seconds(atMs)} s` }
}

function checkConfig({ minSeconds, maxSeconds, introSeconds }: ClipConfig): void {
  if (!(minSeconds > 0 && maxSeconds >= minSeconds && introSeconds >= 0)) {
    throw new InvalidInput(
      `expected 0 < minSeconds ≤ maxSeconds and introSeconds ≥ 0, got ${minSeconds}, ${maxSeconds} and ${introSeconds}`,
    )
  }
}

function seconds(timeMs: number): string {
  return (timeMs / 1000).toFixed(1)
}
