export interface TranslationRequest {
  /** Lyrics lines in order, not empty. */
  readonly lines: readonly string[]
  /** BCP 47. */
  readonly from: string
  readonly to: string
  readonly signal: AbortSignal
}

/** Translates lyrics line by line. */
export interface Translation {
  /** Why this provider cannot translate this pair at all, or null when it can. Decides `skipped` before any work. */
  unavailableReason(from: string, to: string): string | null
  /** One translated line for each line given, in the same order. */
  translate(request: TranslationRequest): Promise<readonly string[]>
}
