import { followTrack, readStages, type TrackState } from '../follow.ts'
import { requirePositional } from './arguments.ts'
import type { Command } from './index.ts'
import { trackIdOf } from './track-id.ts'

export const follow: Command = {
  name: 'follow',
  usage: 'follow TRACK',
  words: 1,
  summary: 'shows one live line for each stage until the track is at rest',
  options: {},
  async run(invocation) {
    const { api, isJson, signal, print } = invocation
    const trackId = await trackIdOf(api, requirePositional(invocation, 0, 'a track: refrain follow Track:1'))
    const track = await followTrack(
      api,
      trackId,
      await readStages(api),
      isJson ? process.stderr : process.stdout,
      signal,
    )
    return explain(track, isJson, print)
  },
}

/** The end of a followed track: a summary, and exit code 1 when something failed. */
export function explain(track: TrackState, isJson: boolean, print: (line: string) => void): number {
  const failed = track.tasks.filter((task) => task.status === 'FAILED' || task.status === 'CANCELED')
  const succeeded = track.tasks.filter((task) => task.status === 'COMPLETED').length
  const skipped = track.tasks.filter((task) => task.status === 'SKIPPED').length
  if (isJson) print(JSON.stringify(track))
  else {
    for (const task of failed)
      print(
        `${task.type.toLowerCase()}: ${task.errorMessage ?? task.reason ?? 'no reason given'} (refrain retry ${task.id})`,
      )
    print(`${succeeded} succeeded, ${failed.length} failed, ${skipped} skipped`)
  }
  return failed.length > 0 ? 1 : 0
}
