import { openAsBlob } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { z } from 'zod'
import { InvalidInput, ProviderRejected } from '../../errors.ts'
import type { LyricsLine, TimedLine, TimedWord } from '../../media/lyrics.ts'
import { createPace } from '../../net/pace.ts'
import { defineProvider } from '../capability.ts'
import type { Aligned, Alignment } from './contract.ts'
import { type MatchedWord, matchWords, type TimedToken } from './token-match.ts'

const MAX_BYTES = 3_000_000_000
const MAX_CHARACTERS = 675_000
/** Below this share of words found, the answer is about another text. */
const LEAST_MATCHED = 0.5
const LOST_WORD_MS = 400
/** Scripts that write words without spaces between them. */
const UNSPACED = /^(zh|ja|th|lo|km|my)\b/i

const Answer = z.object({
  words: z.array(z.object({ text: z.string(), start: z.number(), end: z.number(), loss: z.number().nullish() })),
})

const environment = z.object({
  ELEVENLABS_API_KEY: z.string().meta({ description: 'key for ElevenLabs', isSecret: true }),
  ELEVENLABS_URL: z.url().default('https://api.elevenlabs.io').meta({ description: 'ElevenLabs’ API' }),
  ELEVENLABS_INTERVAL_MS: z.coerce
    .number()
    .min(0)
    .default(2_000)
    .meta({ description: 'least time between two alignments' }),
  ELEVENLABS_TIMEOUT_MS: z.coerce
    .number()
    .positive()
    .default(290_000)
    .meta({ description: 'time limit of one alignment, upload included' }),
})

/** ElevenLabs' forced alignment: the audio and the text go up, words with times come back, and are put into our lines again. */
export const elevenlabs = defineProvider({
  name: 'elevenlabs',
  environment,
  create: (settings, { http }): Alignment => {
    const pace = createPace(settings.ELEVENLABS_INTERVAL_MS)
    return {
      async align({ audioPath, lines, language, onProgress, signal }) {
        const text = lines.map((line) => line.text).join('\n')
        const { size } = await stat(audioPath)
        if (size > MAX_BYTES)
          throw new InvalidInput(`ElevenLabs aligns files up to 3 GB, got ${(size / 1e9).toFixed(1)} GB`)
        if (text.length > MAX_CHARACTERS) {
          throw new InvalidInput(`ElevenLabs aligns up to ${MAX_CHARACTERS} characters, got ${text.length}`)
        }
        await pace(signal)
        onProgress(0.05, 'sending the song to ElevenLabs')
        const form = new FormData()
        form.set('file', await openAsBlob(audioPath), basename(audioPath))
        form.set('text', text)
        const { words } = await http.json(
          `${settings.ELEVENLABS_URL.replace(/\/+$/, '')}/v1/forced-alignment`,
          Answer,
          {
            method: 'POST',
            headers: { 'xi-api-key': settings.ELEVENLABS_API_KEY },
            body: form,
            // Paid by the minute and without an idempotency key: repeated only when it was certainly not begun.
            idempotent: false,
            timeoutMs: settings.ELEVENLABS_TIMEOUT_MS,
            totalMs: settings.ELEVENLABS_TIMEOUT_MS * 2,
            signal,
          },
        )
        onProgress(0.95, 'placing words in lines')
        const aligned = rebuild(lines, language, toTokens(words))
        onProgress(1)
        return aligned
      },
    }
  },
})

function toTokens(words: z.output<typeof Answer>['words']): TimedToken[] {
  const ms = (seconds: number) => Math.max(Math.round(seconds * 1_000), 0)
  return words
    .filter(({ text }) => text.trim() !== '')
    .map(({ text, start, end, loss }) => ({
      text,
      startMs: ms(start),
      endMs: Math.max(ms(end), ms(start)),
      // The loss is a negative log likelihood: 0 is certain.
      confidence: loss === null || loss === undefined ? null : Math.exp(-Math.max(loss, 0)),
    }))
}

/**
 * Our lines with the vendor's times. A word the vendor lost gets the gap between its neighbours, with confidence 0.
 *
 * @throws ProviderRejected when less than half of the words are in the answer
 */
function rebuild(lines: readonly LyricsLine[], language: string, tokens: readonly TimedToken[]): Aligned {
  const wordsByLine = lines.map(({ text }) => wordsOf(text, language))
  const texts = wordsByLine.flat()
  const matches = matchWords(texts, tokens)
  const found = matches.filter((match) => match !== null)
  if (found.length < texts.length * LEAST_MATCHED || found.length === 0) {
    throw new ProviderRejected(
      'elevenlabs',
      `expected times for ${texts.length} words, got them for ${found.length} only`,
    )
  }
  const spans = inOrder(fillGaps(matches))
  let next = 0
  let lastMs = 0
  const timed = lines.map(({ text }, index): TimedLine => {
    const words = wordsByLine[index]!.map((word): TimedWord => ({ text: word, ...spans[next++]! }))
    const startMs = words[0]?.startMs ?? lastMs
    lastMs = words.at(-1)?.endMs ?? lastMs
    return { text, startMs, endMs: lastMs, words }
  })
  const confidences = spans.flatMap(({ confidence }) => (confidence === null ? [] : [confidence]))
  const confidence = confidences.length ? confidences.reduce((sum, one) => sum + one, 0) / confidences.length : null
  return { lyrics: { language, lines: timed }, method: 'elevenlabs forced alignment', confidence }
}

/** The sung words of a line: what has a letter or digit. Dashes and dots alone are not sung. */
function wordsOf(line: string, language: string): string[] {
  const isSung = (text: string) => /[\p{L}\p{N}]/u.test(text)
  if (!UNSPACED.test(language)) return line.split(/\s+/).filter(isSung)
  const segments = new Intl.Segmenter(language, { granularity: 'word' }).segment(line)
  return Array.from(segments, ({ segment }) => segment).filter(isSung)
}

/**
 * Puts lost words one after another behind the word before them (ahead of the first word there is), evenly in the gap up to
 * the next, but none longer than a word usually is: the gap may be a guitar solo.
 */
function fillGaps(matches: readonly (MatchedWord | null)[]): MatchedWord[] {
  const filled: MatchedWord[] = []
  for (let index = 0; index < matches.length; index++) {
    const match = matches[index]
    if (match) {
      filled.push(match)
      continue
    }
    const after = matches.findIndex((other, at) => at > index && other !== null)
    const count = (after < 0 ? matches.length : after) - index
    const fromMs = filled.at(-1)?.endMs ?? 0
    const toMs = Math.max(after < 0 ? fromMs : matches[after]!.startMs, fromMs)
    const lengthMs = Math.min((toMs - fromMs) / count, LOST_WORD_MS)
    const startMs = index === 0 ? toMs - lengthMs * count : fromMs
    const edge = (k: number) => Math.round(startMs + lengthMs * k)
    for (let k = 0; k < count; k++) filled.push({ startMs: edge(k), endMs: edge(k + 1), confidence: 0 })
    index += count - 1
  }
  return filled
}

/** No word starts before the one before it, and none ends before it starts. */
function inOrder(spans: readonly MatchedWord[]): MatchedWord[] {
  let earliestMs = 0
  return spans.map(({ startMs, endMs, confidence }) => {
    earliestMs = Math.max(startMs, earliestMs)
    return { startMs: earliestMs, endMs: Math.max(endMs, earliestMs), confidence }
  })
}
