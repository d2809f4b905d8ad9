import { z } from 'zod'
import { trackStage } from './subject.ts'

const Sources = z.object({ sources: z.array(z.string()).min(1) })

/** Lists who is asked about the track. Stands on nothing, so that asking begins as soon as the track is there. */
export const sources = trackStage({
  name: 'sources',
  description: 'Lists the configured sources of metadata',
  output: Sources,
  canSkip: true,
  weight: 0,
  async run(_inputs, context) {
    const names = [...context.providers.metadata.keys()]
    if (names.length === 0) return context.skip('no metadata source is configured (METADATA_SOURCES)')
    return { sources: names }
  },
})
