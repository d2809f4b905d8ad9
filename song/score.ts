import { BARS, BEATS_PER_BAR, beatSeconds, type Note, SECTIONS, type SungLine } from './composition.ts'
import { PHONES, type PhoneName } from './phones.ts'
import { pronounce } from './pronunciations.ts'
import { createNoise } from './random.ts'

/** A phone at its place in the song. `wordIndex` counts the song's words from 0. */
export interface ScoredPhone {
  readonly phone: PhoneName
  readonly startSeconds: number
  readonly endSeconds: number
  readonly wordIndex: number
}

export interface ScoredWord {
  readonly text: string
  readonly startSeconds: number
  readonly endSeconds: number
  readonly lineIndex: number
}

export interface ScoredLine {
  readonly text: string
  readonly startSeconds: number
  readonly endSeconds: number
}

/** A note as sung: its vowel begins at `startSeconds`, near the beat; the consonants before it come earlier. */
export interface ScoredNote {
  readonly midi: number
  readonly onsetSeconds: number
  readonly startSeconds: number
  readonly endSeconds: number
  readonly lineIndex: number
}

export interface Score {
  readonly phones: readonly ScoredPhone[]
  readonly words: readonly ScoredWord[]
  readonly lines: readonly ScoredLine[]
  readonly notes: readonly ScoredNote[]
}

interface Syllable {
  readonly phones: readonly PhoneName[]
  readonly vowelIndex: number
  readonly wordIndex: number
}

/** Consonants may take at most this share of the time between two vowels' beginnings. */
const CONSONANT_SHARE = 0.55
/** A singer is at most this far off the beat. */
const LOOSENESS_SECONDS = 0.03

/**
 * Places every phone in time: vowels begin with their note, consonants have their natural length and lead up to the
 * next note. Consonants are shortened together where a note is too short for them.
 */
export function buildScore(): Score {
  const phones: ScoredPhone[] = []
  const words: ScoredWord[] = []
  const lines: ScoredLine[] = []
  const notes: ScoredNote[] = []
  const looseness = createNoise(3)
  for (const line of SECTIONS.flatMap((section) => section.lines)) {
    const texts = line.text.split(' ')
    const firstPhone = phones.length
    placeLine(line, texts, words.length, lines.length, phones, notes, looseness)
    const linePhones = phones.slice(firstPhone)
    for (const text of texts) {
      const own = linePhones.filter((phone) => phone.wordIndex === words.length)
      words.push({
        text,
        startSeconds: own[0].startSeconds,
        endSeconds: own[own.length - 1].endSeconds,
        lineIndex: lines.length,
      })
    }
    lines.push({
      text: line.text,
      startSeconds: linePhones[0].startSeconds,
      endSeconds: linePhones[linePhones.length - 1].endSeconds,
    })
  }
  return { phones, words, lines, notes }
}

/** The beats that the accompaniment plays: up to the downbeat on which the last chord is struck. */
export function scoredBeats(): number[] {
  return Array.from({ length: (BARS - 2) * BEATS_PER_BAR + 1 }, (_, beat) => beatSeconds(beat))
}

function placeLine(
  line: SungLine,
  texts: readonly string[],
  firstWord: number,
  lineIndex: number,
  phones: ScoredPhone[],
  notes: ScoredNote[],
  looseness: () => number,
): void {
  const syllables = texts.flatMap((text, i) => pronounce(text).map((syllable) => toSyllable(syllable, firstWord + i)))
  if (syllables.length !== line.notes.length) {
    throw new Error(`expected ${syllables.length} notes for "${line.text}", got ${line.notes.length}`)
  }
  const starts = noteStarts(line.bar * BEATS_PER_BAR, line.notes, looseness)
  let time = starts[0] - totalSeconds(onset(syllables[0]))
  for (const [i, syllable] of syllables.entries()) {
    const following = i + 1 < syllables.length ? onset(syllables[i + 1]) : []
    const available = starts[i + 1] - starts[i]
    const needed = totalSeconds(coda(syllable)) + totalSeconds(following)
    const shrink = Math.min(1, (available * CONSONANT_SHARE) / needed)
    const codaSeconds = totalSeconds(coda(syllable)) * shrink
    const vowelEnd = starts[i + 1] - needed * shrink
    const onsetSeconds = time
    const push = (phone: PhoneName, endSeconds: number) => {
      phones.push({ phone, startSeconds: time, endSeconds, wordIndex: syllable.wordIndex })
      time = endSeconds
    }
    pushScaled(onset(syllable), starts[i], time, push)
    push(syllable.phones[syllable.vowelIndex], vowelEnd)
    pushScaled(coda(syllable), vowelEnd + codaSeconds, vowelEnd, push)
    notes.push({
      midi: line.notes[i].midi,
      onsetSeconds,
      startSeconds: starts[i],
      endSeconds: vowelEnd + codaSeconds,
      lineIndex,
    })
  }
}

/** Spreads consonants over a span in proportion to their natural lengths. */
function pushScaled(
  names: readonly PhoneName[],
  endSeconds: number,
  startSeconds: number,
  push: (phone: PhoneName, endSeconds: number) => void,
): void {
  const scale = (endSeconds - startSeconds) / totalSeconds(names)
  let time = startSeconds
  for (const [i, name] of names.entries()) {
    time = i === names.length - 1 ? endSeconds : time + PHONES[name].seconds * scale
    push(name, time)
  }
}

function toSyllable(phones: readonly PhoneName[], wordIndex: number): Syllable {
  return { phones, wordIndex, vowelIndex: phones.findIndex((phone) => PHONES[phone].kind === 'vowel') }
}

function onset(syllable: Syllable): readonly PhoneName[] {
  return syllable.phones.slice(0, syllable.vowelIndex)
}

function coda(syllable: Syllable): readonly PhoneName[] {
  return syllable.phones.slice(syllable.vowelIndex + 1)
}

function totalSeconds(names: readonly PhoneName[]): number {
  return names.reduce((sum, name) => sum + PHONES[name].seconds, 0)
}

/** Start of every note, and the end of the last: on the beat, give or take the singer's looseness. */
function noteStarts(firstBeat: number, notes: readonly Note[], looseness: () => number): number[] {
  const beats = [firstBeat]
  for (const note of notes) beats.push(beats[beats.length - 1] + note.beats)
  return beats.map((beat) => beatSeconds(beat) + LOOSENESS_SECONDS * looseness())
}
