import { z } from 'zod'
import type { Transaction } from '../../../db/client.ts'
import { stagesOf } from '../../../engine/define.ts'
import { workEntityId } from '../../../providers/space/grc20-space.ts'
import { mintGrc20 } from '../mint-grc20.ts'
import { PublishedEdit } from './edit.ts'
import { mintUnminted } from './mint-unminted.ts'
import { populateWorkOf } from './populate.ts'
import { recordEdit } from './record-edit.ts'
import { type Grc20State, loadGrc20OfTrack } from './state.ts'

/** What these stages need to know of a track. */
export interface TrackWithWork {
  readonly id: number
  /** Null while the track has no artist. */
  readonly grc20: Grc20State | null
}

const stage = stagesOf<TrackWithWork>('track')

/**
 * A track may come when its artist was published long ago. Its work then gets its entity by itself; that of a track that came
 * with the artist has one already.
 */
export const populateWork = stage({
  name: 'populate_work',
  description: 'Collects what the metadata space is to say of the work',
  requires: [mintGrc20],
  output: z.object({
    /** The id of the work's entity, minted or not. */
    entityId: z.string(),
  }),
  canSkip: true,
  weight: 0,
  async run(_inputs, { subject, skip }) {
    if (!subject.grc20?.artist) return skip('the artist is not in the metadata space')
    return { entityId: workEntityId(subject.grc20.installation, subject.id) }
  },
  async record(_output, transaction, track) {
    await populateWorkOf(transaction, track.id)
  },
})

/** Publishes the entity of the track's work, unless it has one. */
export const mintWork = stage({
  name: 'mint_work',
  description: 'Publishes the work in the metadata space',
  after: [populateWork],
  output: z.object({ entityId: z.string(), edits: z.array(PublishedEdit) }),
  canSkip: true,
  weight: 0,
  async run({ populate_work: populated }, context) {
    const { subject, providers } = context
    if (populated === null || !subject.grc20?.artist) return context.skip('the artist is not in the metadata space')
    const { unavailableReason } = providers.space
    if (unavailableReason !== null) return context.skip(unavailableReason)
    const edits = await mintUnminted(subject.grc20, context, { withArtist: false })
    return { entityId: populated.entityId, edits: [...edits] }
  },
  async record({ edits }, transaction) {
    for (const edit of edits) await recordEdit(transaction, edit)
  },
})

/** Loads a track with what is published of its work. */
export function withWork<Track extends { readonly id: number }>(
  load: (transaction: Transaction, id: number) => Promise<Track | null>,
) {
  return async (transaction: Transaction, id: number): Promise<(Track & TrackWithWork) | null> => {
    const track = await load(transaction, id)
    return track && { ...track, grc20: await loadGrc20OfTrack(transaction, id) }
  }
}
