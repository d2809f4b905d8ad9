import { runThread } from '../../media/thread.ts'
import type { Aligned, Alignment } from './contract.ts'
import type { AlignmentJob } from './embedded-thread.ts'

/**
 * Places words with hidden Markov models of phones on this machine: no key, no network. English and French have models of
 * their own; other languages are sounded out with the English one and are less exact.
 * Lyrics that do not belong to the song give a result too, with `confidence` below 0.3.
 */
export const embeddedAlignment: Alignment = {
  align({ audioPath, lines, language, onProgress, signal }): Promise<Aligned> {
    const job: AlignmentJob = { audioPath, lines, language }
    return runThread(new URL('./embedded-thread.ts', import.meta.url), job, { onProgress, signal })
  },
}
