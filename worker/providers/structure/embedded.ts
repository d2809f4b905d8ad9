import { runThread } from '../../media/thread.ts'
import type { Section, Structure } from './contract.ts'
import type { AnalysisInput } from './embedded-thread.ts'

/** Finds sections by self-similarity of chords, colour and level (Foote 2000), without knowing words or beats. */
export const embeddedStructure: Structure = {
  async analyze({ audioPath, onProgress, signal }) {
    const module = new URL('./embedded-thread.ts', import.meta.url)
    const sections = await runThread<AnalysisInput, Section[]>(module, { audioPath }, { onProgress, signal })
    return { sections, method: 'self-similarity' }
  },
}
