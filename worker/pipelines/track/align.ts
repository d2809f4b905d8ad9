import { z } from 'zod'
import { wordAlignments } from '../../db/tables.ts'
import { TimedLyrics } from '../../media/lyrics.ts'
import { parseLyrics } from '../../media/lyrics-text.ts'
import { download } from './download.ts'
import { trackStage } from './subject.ts'

const Alignment = z.object({
  lyrics: TimedLyrics,
  method: z.string(),
  confidence: z.number().min(0).max(1).nullable(),
  wordCount: z.number().int().min(0),
})

/** Times, section headings and LRC headers: people give an instrumental lyrics of these, notes and emoji. */
const TAG = /\[[^\]\n]*\]|<[^>\n]*>/g

/** Places every word of the lyrics in the song. Line or word times that came with the lyrics (LRC) narrow the search. */
export const align = trackStage({
  name: 'align',
  description: 'Places every word of the lyrics in the song',
  after: [download],
  output: Alignment,
  canSkip: true,
  milestone: 'aligned',
  queue: 'heavy',
  weight: 30,
  // The search grows with length times words: twenty minutes of song with 1,500 words take eleven.
  timeoutSeconds: 7_200,
  async run({ download }, context) {
    const { subject } = context
    if (subject.lyrics === null) return context.skip('the track has no lyrics')
    if (!/[\p{L}\p{N}]/u.test(subject.lyrics.replace(TAG, ''))) return context.skip('the lyrics hold no words')
    const aligned = await context.providers.alignment.align({
      audioPath: await context.open(download.audio),
      lines: parseLyrics(subject.lyrics).lines,
      language: subject.language,
      workspacePath: context.workspacePath,
      onProgress: context.progress,
      signal: context.signal,
    })
    const wordCount = aligned.lyrics.lines.reduce((count, line) => count + line.words.length, 0)
    return { ...aligned, wordCount }
  },
  async record(output, transaction, track) {
    const row = {
      language: output.lyrics.language,
      method: output.method,
      confidence: output.confidence,
      wordCount: output.wordCount,
      lines: output.lyrics.lines,
      updatedAt: new Date(),
    }
    await transaction
      .insert(wordAlignments)
      .values({ trackId: track.id, ...row })
      .onConflictDoUpdate({ target: wordAlignments.trackId, set: row })
  },
})
