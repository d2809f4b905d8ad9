import { rm } from 'node:fs/promises'
import { runThread } from '../../media/thread.ts'
import type { Separated, Separation } from './contract.ts'
import { type SeparationJob, stemPaths } from './embedded-thread.ts'

/**
 * Separation by signal processing alone: no model, no key, no network. The voice is what does not repeat
 * (REPET-SIM) and follows the tracked melody. Of preview quality: some of the voice stays in the instrumental.
 * Runs in a thread of its own, at about ten times real time, within some hundred megabytes for songs of any length.
 */
export const embeddedSeparation: Separation = {
  async separate({ audioPath, workspacePath, onProgress, signal }) {
    const module = new URL('./embedded-thread.ts', import.meta.url)
    try {
      return await runThread<SeparationJob, Separated>(module, { audioPath, workspacePath }, { onProgress, signal })
    } catch (error) {
      // The thread removes its own files unless it had to be terminated.
      const { vocalsPath, instrumentalPath } = stemPaths(workspacePath)
      await Promise.all([rm(vocalsPath, { force: true }), rm(instrumentalPath, { force: true })])
      throw error
    }
  },
}
