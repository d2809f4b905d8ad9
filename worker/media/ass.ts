import { InvalidInput } from '../errors.ts'
import type { TimedLine, TimedLyrics, TimedWord } from './lyrics.ts'
import { type AssStyle, assDocument } from './video/ass-document.ts'
import { lyricEvents } from './video/lyric-events.ts'

export type { AssStyle } from './video/ass-document.ts'

/**
 * Lyrics as an Advanced SubStation Alpha file that plays as karaoke: lines come up ahead of time, words fill as they are
 * sung, dots count down to a start.
 *
 * `readAss(writeAss(lyrics, style))` equals `lyrics` with every time rounded to 10 ms, and without confidences and phones,
 * which the format does not have.
 *
 * @see http://www.tcax.org/docs/ass-specs.htm
 */
export function writeAss(lyrics: TimedLyrics, style: AssStyle): string {
  return assDocument(style, lyrics.language, lyricEvents(lyrics, style, 0))
}

/**
 * Lyrics out of a file that `writeAss` wrote, also after its times, places or fonts were changed in an editor.
 *
 * @throws InvalidInput when the text is no ASS file, or a lyric line has no karaoke tags
 */
export function readAss(text: string): TimedLyrics {
  const rows = text.replace(/^\ufeff/, '').split(/\r?\n/)
  if (!rows.some((row) => row.trim() === '[Script Info]')) {
    throw new InvalidInput('expected an ASS file: there is no [Script Info] section')
  }
  const language = rows.find((row) => row.startsWith('Language: '))?.slice('Language: '.length) ?? 'und'
  const lines: TimedLine[] = []
  for (const row of rows) {
    const event = /^Dialogue: *\d+,(\d+):(\d\d):(\d\d)\.(\d\d),[^,]*,Lyric,(?:[^,]*,){5}(.*)$/.exec(row)
    if (!event) continue
    const [hours, minutes, seconds, hundredths] = event.slice(1, 5).map(Number) as [number, number, number, number]
    lines.push(readLine(event[5]!, ((hours * 60 + minutes) * 60 + seconds) * 100 + hundredths))
  }
  return { language, lines }
}

interface ReadChunk {
  readonly isWord: boolean
  readonly durationCs: number
  startCs: number
  endCs: number
  text: string
  hasExactText: boolean
}

/** The grammar is told at `karaokeLine`. */
function readLine(text: string, showCs: number): TimedLine {
  const chunks: ReadChunk[] = []
  let lineText: string | undefined
  for (const [, block, drawn] of text.matchAll(/\{([^}]*)\}|([^{]+)/g)) {
    const chunk = chunks.at(-1)
    if (drawn !== undefined) {
      if (chunk && !chunk.hasExactText) chunk.text += drawn.replaceAll('\\N', '')
    } else if (block!.includes('\\')) {
      const karaoke = /\\(kf|k)(\d+)/.exec(block!)
      if (karaoke) chunks.push(newChunk(karaoke[1] === 'kf', Number(karaoke[2])))
    } else {
      for (const comment of block!.split(' ')) {
        const value = comment.slice(comment.indexOf('=') + 1)
        if (comment.startsWith('line=')) lineText = decodeURIComponent(value)
        if (!chunk) continue
        if (comment === 'word') chunks[chunks.length - 1] = { ...chunk, isWord: true }
        const current = chunks.at(-1)!
        if (comment.startsWith('start=')) current.startCs = Number(value)
        if (comment.startsWith('end=')) current.endCs = Number(value)
        if (comment.startsWith('text=')) Object.assign(current, { text: decodeURIComponent(value), hasExactText: true })
      }
    }
  }
  const [lead, ...rest] = chunks
  if (!lead) throw new InvalidInput(`expected a lyric line with karaoke tags, got ${text.slice(0, 60)}`)
  const startCs = showCs + lead.durationCs
  let cursorCs = startCs
  const words: TimedWord[] = []
  for (const chunk of rest) {
    const fromCs = cursorCs
    cursorCs += chunk.durationCs
    if (!chunk.isWord) continue
    const startMs = (fromCs + chunk.startCs) * 10
    words.push({ text: chunk.text, startMs, endMs: (cursorCs + chunk.endCs) * 10, confidence: null })
  }
  const written = rest.map((chunk) => chunk.text).join('')
  return { text: lineText ?? written, startMs: startCs * 10, endMs: cursorCs * 10, words }
}

function newChunk(isWord: boolean, durationCs: number): ReadChunk {
  return { isWord, durationCs, startCs: 0, endCs: 0, text: '', hasExactText: false }
}
