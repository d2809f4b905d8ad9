/** Why a song did not open; what to do follows from it. */
export type UnlockCode =
  /** Not a manifest of this form. */
  | 'BAD_MANIFEST'
  /** The manifest is not the one the song was encrypted with: a lock, a gate, a hash or a title was changed. */
  | 'MANIFEST_CHANGED'
  /** The song is locked by another lock than the caller expects. */
  | 'OTHER_LOCK'
  /** The encrypted bytes are not those that were made: changed, reordered, cut off or extended. */
  | 'CIPHERTEXT_CHANGED'
  /** The key is another one than the song was encrypted with. */
  | 'WRONG_KEY'
  /** The key gate said no: `reason` holds its code. */
  | 'REFUSED'
  /** The other side did not answer, or not in full: try again. */
  | 'UNREACHABLE'

/** An error of this module. Its message carries no key and no signature. */
export class UnlockError extends Error {
  readonly code: UnlockCode
  /** The key gate's own code, such as `NO_KEY`; null for errors that did not come from it. */
  readonly reason: string | null

  constructor(code: UnlockCode, message: string, options: { cause?: unknown; reason?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'UnlockError'
    this.code = code
    this.reason = options.reason ?? null
  }
}
