import { NotFound } from '../../worker/errors.ts'
import { readStages, readTrack, stageLines } from '../follow.ts'
import { requirePositional, table } from './arguments.ts'
import type { Command } from './index.ts'
import { trackIdOf } from './track-id.ts'

export const status: Command = {
  name: 'status',
  usage: 'status TRACK',
  words: 1,
  summary: 'says how far a track has come, and why anything waits',
  options: {},
  async run(invocation) {
    const { api, isJson, print } = invocation
    const trackId = await trackIdOf(api, requirePositional(invocation, 0, 'a track: refrain status Track:1'))
    const track = await readTrack(api, trackId)
    if (!track) throw new NotFound(`there is no track ${trackId}`)
    if (isJson) {
      print(JSON.stringify(track))
      return 0
    }
    print(`${track.id}  ${track.title}  ${track.stage.toLowerCase()}`)
    const lines = stageLines(track, await readStages(api))
    const rows = lines.map((line) => [
      line.label,
      line.status.replace('_', ' '),
      line.seconds === null ? '' : `${line.seconds.toFixed(1)} s`,
      line.note ?? '',
    ])
    for (const row of table(rows)) print(`  ${row}`)
    return 0
  },
}
