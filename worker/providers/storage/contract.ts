export interface StorableFile {
  /** A local file. */
  readonly path: string
  /** SHA-256 of its bytes, lower-case hex. What is stored has exactly these bytes. */
  readonly sha256: string
  readonly sizeBytes: number
  /** MIME type: `audio/flac`. */
  readonly contentType: string
  /** File name to show; not an address. */
  readonly name: string
}

/** Where a file lies now. */
export interface Stored {
  readonly provider: string
  /** The provider's own name for it; `retrieve` takes it. */
  readonly id: string
  /** Where it can be fetched from without credentials. */
  readonly url: string
  readonly sizeBytes: number
  readonly contentType: string
  readonly sha256: string
}

export interface Retrieved {
  readonly sizeBytes: number
  readonly sha256: string
}

/** Keeps files where others can fetch them. */
export interface Storage {
  /** Largest file taken, or null without a limit of its own. */
  readonly maxBytes: number | null
  /**
   * Stores a file; the same bytes again are the same place or another, never an error.
   *
   * @throws InvalidInput when the file is empty, larger than `maxBytes`, or not the one described
   */
  store(file: StorableFile, options: { readonly signal: AbortSignal }): Promise<Stored>
  /**
   * Fetches a stored file into `path`, which appears only when whole. The caller compares the hash with the one it knows.
   *
   * @throws NotFound when there is no such file (any more)
   */
  retrieve(id: string, path: string, options: { readonly signal: AbortSignal }): Promise<Retrieved>
}
