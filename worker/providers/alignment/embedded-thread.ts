import { alignLyrics } from '../../media/align/align.ts'
import { tokenizeLyrics } from '../../media/align/tokenize.ts'
import type { LyricsLine } from '../../media/lyrics.ts'
import { serveThread } from '../../media/thread.ts'
import { isolateVocals } from '../../media/vocals.ts'
import type { OnProgress } from '../../progress.ts'
import type { Aligned } from './contract.ts'

export interface AlignmentJob {
  readonly audioPath: string
  readonly lines: readonly LyricsLine[]
  readonly language: string
}

const METHOD = 'HMM forced alignment, MLLR-adapted'
/** Isolating the voice takes about a third of the time. */
const ISOLATION_SHARE = 0.35

serveThread(alignFile)

async function alignFile(
  { audioPath, lines, language }: AlignmentJob,
  { onProgress, signal }: { onProgress: OnProgress; signal: AbortSignal },
): Promise<Aligned> {
  // Refuses lyrics without words before the long work.
  tokenizeLyrics(lines, language)
  const { vocals, mix } = await isolateVocals(audioPath, {
    signal,
    onProgress: (fraction, message) => onProgress(ISOLATION_SHARE * fraction, message),
  })
  const { lyrics, confidence, usedTimes } = await alignLyrics(
    { vocals, mix, lines, language },
    {
      signal,
      onProgress: (fraction, message) => onProgress(ISOLATION_SHARE + (1 - ISOLATION_SHARE) * fraction, message),
    },
  )
  return { lyrics, confidence, method: usedTimes ? `${METHOD}, within given times` : METHOD }
}
