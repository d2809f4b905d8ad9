import type { OnProgress } from '../../progress.ts'

export interface SeparationRequest {
  /** A local audio file that ffmpeg reads: the mix. */
  readonly audioPath: string
  /** An existing private folder the provider may write into. */
  readonly workspacePath: string
  readonly onProgress: OnProgress
  readonly signal: AbortSignal
}

/** Two FLAC files with the mix's channels, sample rate and exact length in samples, whose sum is the mix. */
export interface Separated {
  readonly vocalsPath: string
  readonly instrumentalPath: string
  /** How it was done: algorithm or model name, for the record. */
  readonly method: string
}

/** Splits a mix into vocals and accompaniment. */
export interface Separation {
  separate(request: SeparationRequest): Promise<Separated>
}
