import type { TrackQuery } from './contract.ts'

/** What a source offers as the track that was asked for. */
export interface Candidate {
  readonly title: string
  readonly artists: readonly string[]
  readonly durationMs?: number | null
}

/** Two releases of one recording differ by silence at the ends; another version differs by more. */
const DURATION_SLACK_MS = 10_000

const GUESTS = /\s*[([](?:feat|ft|featuring|with)\b[^)\]]*[)\]]|\s+(?:feat|ft|featuring)\b\.?\s.*$/giu
const REMASTER = /\s+-\s+(?:\d{4}\s+)?remaster(?:ed)?\b.*$|\s*[([](?:\d{4}\s+)?remaster(?:ed)?\b[^)\]]*[)\]]/giu

/**
 * Whether a candidate is the song that was asked for: the same title, an artist in common, and about the same length where
 * both say. Live, acoustic and other versions are other songs; guests and remasters in the title make no difference.
 */
export function isSameSong(track: TrackQuery, candidate: Candidate): boolean {
  if (track.durationMs && candidate.durationMs) {
    if (Math.abs(track.durationMs - candidate.durationMs) > DURATION_SLACK_MS) return false
  }
  return sameTitle(track.title, candidate.title) && shareArtist(track.artists, candidate.artists)
}

export function sameTitle(a: string, b: string): boolean {
  return plainTitle(a) === plainTitle(b)
}

/** Whether somebody is credited in both lists, also as one of several in one credit (`Simon & Garfunkel`). */
export function shareArtist(a: readonly string[], b: readonly string[]): boolean {
  const known = new Set(a.flatMap(creditedNames))
  return b.flatMap(creditedNames).some((name) => known.has(name))
}

function plainTitle(title: string): string {
  return plain(title.replace(GUESTS, '').replace(REMASTER, ''))
}

function creditedNames(credit: string): string[] {
  return [credit, ...credit.split(/,|&|\b(?:feat|ft|featuring)\b\.?/iu)].map(plain).filter(Boolean)
}

/** Letters and digits without accents, in lower case; the text itself when it has none. */
function plain(text: string): string {
  const letters = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/['’]/g, '')
    .replace(/&/g, ' and ')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
  return letters || text.trim()
}
