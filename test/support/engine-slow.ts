import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { definePipeline, stagesOf } from '../../worker/engine/define.ts'

/** One stage that writes into its workspace and takes SLOW_SECONDS of the process that runs it. */
export const slow = definePipeline({
  name: 'slow',
  description: 'takes its time',
  stages: [
    stagesOf<object>('slow')({
      name: 'work',
      description: 'waits',
      output: z.object({ pid: z.number() }),
      run: async (_inputs, { workspacePath, signal }) => {
        await writeFile(join(workspacePath, 'half written'), 'half')
        await delay(Number(process.env.SLOW_SECONDS ?? 0) * 1000, undefined, { signal })
        return { pid: process.pid }
      },
    }),
  ],
  loadSubject: async () => ({}),
})
