import type { LyricsLine, TimedLyrics } from '../../media/lyrics.ts'
import type { OnProgress } from '../../progress.ts'

export interface AlignmentRequest {
  /** A local audio file that ffmpeg reads: the mix. The provider does its own vocal enhancement. */
  readonly audioPath: string
  /** Non-empty lines in order; known line or word times narrow the search. */
  readonly lines: readonly LyricsLine[]
  /** BCP 47. */
  readonly language: string
  readonly workspacePath: string
  readonly onProgress: OnProgress
  readonly signal: AbortSignal
}

export interface Aligned {
  readonly lyrics: TimedLyrics
  /** How it was done: algorithm or model name, for the record. */
  readonly method: string
  /** Mean word confidence 0…1, or null when the provider gives none. */
  readonly confidence: number | null
}

/** Places each word of known lyrics in a song (forced alignment). */
export interface Alignment {
  align(request: AlignmentRequest): Promise<Aligned>
}
