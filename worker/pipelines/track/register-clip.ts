import { announceClip, recordClip } from './announce.ts'
import { clip } from './clip.ts'
import { publish } from './publish.ts'
import { RegisteredClip } from './registered-clip.ts'
import { trackStage } from './subject.ts'

/** Announces the clip on chain: that it exists, and where its files are. */
export const registerClip = trackStage({
  name: 'register_clip',
  description: 'Announces the clip in the catalog on chain',
  after: [clip, publish],
  output: RegisteredClip,
  canSkip: true,
  queue: 'lookup',
  weight: 1,
  async run({ clip, publish }, context) {
    if (clip === null || publish === null) return context.skip('the track has no published clip')
    const { unavailableReason } = context.providers.publication
    if (unavailableReason !== null) return context.skip(unavailableReason)
    if (context.config.CLIP_EMISSION === 'after-encryption')
      return context.skip('the clip is announced with its encrypted song (CLIP_EMISSION)')
    return await announceClip(context, clip, publish)
  },
  async record(output, transaction, track) {
    await recordClip(transaction, track.id, output)
  },
})
