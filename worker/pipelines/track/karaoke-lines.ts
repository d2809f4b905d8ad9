import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { karaokeLines as table } from '../../db/tables.ts'
import { TimedLine } from '../../media/lyrics.ts'
import { align } from './align.ts'
import { trackStage } from './subject.ts'

const KaraokeLines = z.object({ lines: z.array(TimedLine) })

/** Writes one row for each sung line, the unit of spaced repetition. */
export const karaokeLines = trackStage({
  name: 'karaoke_lines',
  description: 'Writes one row for each sung line, the unit of spaced repetition',
  after: [align],
  output: KaraokeLines,
  canSkip: true,
  async run({ align }, context) {
    if (align === null) return context.skip('the track has no lyrics')
    return { lines: align.lyrics.lines.filter((line) => line.words.length > 0) }
  },
  async record(output, transaction, track) {
    await transaction.delete(table).where(eq(table.trackId, track.id))
    if (output.lines.length === 0) return
    await transaction
      .insert(table)
      .values(output.lines.map((line, lineIndex) => ({ trackId: track.id, lineIndex, ...line })))
  },
})
