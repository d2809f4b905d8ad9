import { z } from 'zod'

/** An immutable file, addressed by the SHA-256 of its bytes. Stage outputs carry these; the engine records who made which. */
export const Artifact = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.number().int().min(0),
  contentType: z.string(),
  /** The file name offered to whoever downloads it. */
  name: z.string(),
})
export type Artifact = z.output<typeof Artifact>
