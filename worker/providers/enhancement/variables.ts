import { z } from 'zod'

/** The variables of every enhancement provider: long songs are treated in overlapping chunks. */
export const enhancementVariables = {
  ENHANCE_CHUNK_SECONDS: z.coerce
    .number()
    .min(6)
    .max(190)
    .default(190)
    .meta({ description: 'longest chunk the instrumental is treated in' }),
  ENHANCE_OVERLAP_SECONDS: z.coerce
    .number()
    .min(1)
    .max(3)
    .default(2)
    .meta({ description: 'how long neighbouring chunks overlap and are faded into each other' }),
}
