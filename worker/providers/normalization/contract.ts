export interface NormalizationRequest {
  /** Lyrics as the user or a lyrics source gave them. */
  readonly text: string
  /** BCP 47. */
  readonly language: string
  readonly signal: AbortSignal
}

/** Cleans lyrics: keeps every sung line, drops headings, credits and chords, mends spacing and punctuation. */
export interface Normalization {
  normalize(request: NormalizationRequest): Promise<{ readonly lines: readonly string[]; readonly method: string }>
}
