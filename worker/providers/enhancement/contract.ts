import type { OnProgress } from '../../progress.ts'

export interface EnhancementRequest {
  /** The accompaniment to treat: a local audio file that ffmpeg reads. */
  readonly instrumentalPath: string
  /** The vocals stem of the same song and length, to find residue with. */
  readonly vocalsPath: string
  readonly workspacePath: string
  readonly onProgress: OnProgress
  readonly signal: AbortSignal
}

export interface Enhanced {
  /** FLAC with the input's channels, sample rate and exact length in samples. */
  readonly audioPath: string
  readonly method: string
  /** Integrated loudness of the result, LUFS (ITU-R BS.1770); null for silence. */
  readonly loudnessLufs: number | null
  /** True peak of the result, dBTP; null for silence. */
  readonly truePeakDbtp: number | null
}

/** Makes an accompaniment fit to sing to: less vocal residue, loudness on target, peaks limited. */
export interface Enhancement {
  enhance(request: EnhancementRequest): Promise<Enhanced>
}
