import { z } from 'zod'
import { Emitted } from './announce.ts'

/** Where the two events of a clip are on chain. */
export const RegisteredClip = z.object({
  catalogId: z.string(),
  clipHash: z.string(),
  registered: Emitted,
  processed: Emitted,
})
