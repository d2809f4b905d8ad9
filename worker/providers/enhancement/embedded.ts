import { rm } from 'node:fs/promises'
import { runThread } from '../../media/thread.ts'
import type { Enhanced, Enhancement } from './contract.ts'
import { type EnhancementJob, type EnhancementSettings, enhancementPaths } from './embedded-thread.ts'

export const ENHANCEMENT_DEFAULTS: EnhancementSettings = {
  targetLufs: -14,
  ceilingDbtp: -1,
  maxGainDb: 12,
  chunkSeconds: 190,
  overlapSeconds: 2,
}

/**
 * Enhancement by signal processing alone, in a thread of its own: where the voice sings, what is left of it is turned down; then one gain
 * brings the whole to the target loudness and a limiter keeps true peaks under the ceiling.
 */
export function enhancementWith(settings: EnhancementSettings): Enhancement {
  return {
    async enhance({ instrumentalPath, vocalsPath, workspacePath, onProgress, signal }) {
      const module = new URL('./embedded-thread.ts', import.meta.url)
      const job = { instrumentalPath, vocalsPath, workspacePath, settings }
      try {
        return await runThread<EnhancementJob, Enhanced>(module, job, { onProgress, signal })
      } catch (error) {
        // The thread removes its own files unless it had to be terminated.
        const { audioPath, scratchPath } = enhancementPaths(workspacePath)
        await Promise.all([rm(audioPath, { force: true }), rm(scratchPath, { force: true })])
        throw error
      }
    },
  }
}

export const embeddedEnhancement = enhancementWith(ENHANCEMENT_DEFAULTS)
