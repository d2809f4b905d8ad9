import { z } from 'zod'
import { defineProvider } from '../capability.ts'
import type { Enhancement } from './contract.ts'
import { ENHANCEMENT_DEFAULTS, enhancementWith } from './embedded.ts'
import { enhancementVariables } from './variables.ts'

/** The embedded enhancement with the chunks that the environment asks for. */
export const embedded = defineProvider({
  name: 'embedded',
  environment: z.object(enhancementVariables),
  create: ({ ENHANCE_CHUNK_SECONDS: chunkSeconds, ENHANCE_OVERLAP_SECONDS: overlapSeconds }): Enhancement =>
    enhancementWith({ ...ENHANCEMENT_DEFAULTS, chunkSeconds, overlapSeconds }),
})
