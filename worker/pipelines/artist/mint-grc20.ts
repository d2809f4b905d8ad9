import { z } from 'zod'
import { artistEntityId } from '../../providers/space/grc20-space.ts'
import { PublishedEdit } from './grc20/edit.ts'
import { mintUnminted } from './grc20/mint-unminted.ts'
import { recordEdit } from './grc20/record-edit.ts'
import { populateGrc20 } from './populate-grc20.ts'
import { artistStage } from './subject.ts'

const Minted = z.object({
  entityId: z.string(),
  spaceId: z.string(),
  /** Those of earlier runs included. */
  edits: z.array(PublishedEdit),
})

/** Publishes the entities of the artist and of its works that have none yet, in one edit. */
export const mintGrc20 = artistStage({
  name: 'mint_grc20',
  description: 'Publishes the artist and its works in the metadata space',
  after: [populateGrc20],
  output: Minted,
  canSkip: true,
  milestone: 'registered',
  async run({ populate_grc20: populated }, context) {
    if (populated === null) return context.skip('there is nothing to publish of the artist')
    const { subject, providers } = context
    const { unavailableReason } = providers.space
    if (unavailableReason !== null) return context.skip(unavailableReason)
    const edits = await mintUnminted(subject.grc20, context)
    const { spaceId } = await providers.space.identify()
    return { entityId: artistEntityId(subject.grc20.installation, subject.id), spaceId, edits: [...edits] }
  },
  async record({ edits }, transaction) {
    for (const edit of edits) await recordEdit(transaction, edit)
  },
})
