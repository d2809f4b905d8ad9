import { z } from 'zod'
import { encrypt } from './encrypt.ts'
import { publish } from './publish.ts'
import { PublishedFile, promoteFile, recordPublished } from './published-file.ts'
import { trackStage } from './subject.ts'

/** Moves deliverables that lie only where things go again into the archive; both addresses are kept. */
export const promote = trackStage({
  name: 'promote',
  description: 'Puts deliverables that are not in the archive there, keeping both addresses',
  after: [publish],
  optionalAfter: [encrypt],
  output: z.object({ promoted: z.array(PublishedFile) }),
  canSkip: true,
  queue: 'lookup',
  weight: 0,
  async run({ publish, encrypt }, context) {
    const published = [publish?.clip, publish?.timing, publish?.metadata, encrypt?.ciphertext, encrypt?.manifest]
    const waiting = published
      .filter((file) => file != null)
      .filter((file) => file.isDeliverable && file.archive === null)
    if (waiting.length === 0) return context.skip('every deliverable is in the archive')
    const promoted = []
    for (const file of waiting) promoted.push(await promoteFile(context, file))
    return { promoted }
  },
  async record({ promoted }, transaction, track) {
    await recordPublished(transaction, track.id, promoted)
  },
})
