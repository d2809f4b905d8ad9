import { z } from 'zod'
import { Blocked } from '../../errors.ts'
import { artistEntityId } from '../../providers/space/grc20-space.ts'
import { createLens } from './create-lens.ts'
import { populate } from './grc20/populate.ts'
import { artistStage } from './subject.ts'

const Populated = z.object({
  /** The id of the artist's entity, minted or not. */
  entityId: z.string(),
  handle: z.string(),
})

/** Fills the rows of the artist and its works for the metadata space. The entity holds the handle, so the account comes first. */
export const populateGrc20 = artistStage({
  name: 'populate_grc20',
  description: 'Collects what the metadata space is to say of the artist and its works',
  after: [createLens],
  output: Populated,
  canSkip: true,
  async run({ create_lens: account }, context) {
    const { subject } = context
    if (account === null) return context.skip('the artist has no account')
    if (subject.handle === null)
      throw new Blocked(`artist ${subject.id} has no account on record: run create_lens again`)
    return { entityId: artistEntityId(subject.grc20.installation, subject.id), handle: subject.handle }
  },
  async record(_output, transaction, artist) {
    await populate(transaction, artist.id)
  },
})
