import type { OnProgress } from '../../progress.ts'

export interface StructureRequest {
  readonly audioPath: string
  readonly onProgress: OnProgress
  readonly signal: AbortSignal
}

/** A stretch of the song that belongs together. Sections are in order, touch each other and cover the whole song. */
export interface Section {
  readonly startMs: number
  readonly endMs: number
  /** `intro`, `verse`, `chorus`, `instrumental`, `outro`, or a letter when only likeness is known (`A`, `B`). */
  readonly label: string
}

/** Finds a song's sections from its sound. */
export interface Structure {
  analyze(request: StructureRequest): Promise<{ readonly sections: readonly Section[]; readonly method: string }>
}
