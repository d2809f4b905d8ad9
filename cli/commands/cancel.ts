import { asError } from '../client.ts'
import { count, requirePositional, textOption } from './arguments.ts'
import type { Command } from './index.ts'
import { trackIdOf } from './track-id.ts'

export const cancel: Command = {
  name: 'cancel',
  usage: 'cancel TRACK [--reason TEXT]',
  words: 1,
  summary: "stops a track's work; a running task ends within a second or two",
  options: { reason: { type: 'string' } },
  async run(invocation) {
    const { api, isJson, print } = invocation
    const trackId = await trackIdOf(api, requirePositional(invocation, 0, 'a track: refrain cancel Track:1'))
    const { cancelTrack } = await api.request<{
      cancelTrack: { canceledTasks?: number; message?: string; code?: string }
    }>(
      `mutation ($id: ID!, $reason: String) {
        cancelTrack(trackId: $id, reason: $reason) { ... on CanceledTrack { canceledTasks } ... on Error { message code } }
      }`,
      { id: trackId, reason: textOption(invocation, 'reason') ?? null },
    )
    if (cancelTrack.message) throw asError(cancelTrack)
    print(isJson ? JSON.stringify(cancelTrack) : `${count(cancelTrack.canceledTasks ?? 0, 'task')} canceled`)
    return 0
  },
}
