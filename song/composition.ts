/**
 * An original song, words and music written for this project: C major, 4/4, as bars, beats, chords and notes.
 * Everything audible follows from here.
 */

export const TITLE = 'Lantern Road'
export const ARTIST = 'Refrain House Band'
export const BPM = 112
export const BEATS_PER_BAR = 4
/** Silence before the first downbeat. */
export const LEAD_IN_SECONDS = 0.25
/** The last bar ends at 85.96 s; what follows lets the room fall silent. */
export const DURATION_SECONDS = 86.7

export type SectionLabel = 'intro' | 'verse' | 'chorus' | 'outro'
export type ChordName = 'C' | 'Am' | 'F' | 'G'

/** One sung syllable: how many beats it lasts and its pitch as a MIDI note number. A rest has no pitch. */
export interface Note {
  readonly beats: number
  readonly midi: number
}

/** A sung line starts on the first beat of a bar; `notes` has one note for each syllable of `text`. */
export interface SungLine {
  readonly text: string
  readonly bar: number
  readonly notes: readonly Note[]
}

export interface Section {
  readonly label: SectionLabel
  readonly startBar: number
  readonly chords: readonly ChordName[]
  readonly lines: readonly SungLine[]
}

/** Notes of a chord as MIDI numbers, close voicing around C4, and its bass note. */
export const CHORDS: Readonly<Record<ChordName, { readonly bass: number; readonly notes: readonly number[] }>> = {
  C: { bass: 36, notes: [55, 60, 64] },
  Am: { bass: 33, notes: [57, 60, 64] },
  F: { bass: 41, notes: [53, 57, 60] },
  G: { bass: 31, notes: [55, 59, 62] },
}

const PITCHES: Readonly<Record<string, number>> = {
  G3: 55,
  A3: 57,
  B3: 59,
  C4: 60,
  D4: 62,
  E4: 64,
  F4: 65,
  G4: 67,
  A4: 69,
}

/** Reads `'D4:1 F4:1.5'`: pitch and beats. */
function parseNotes(notation: string): Note[] {
  return notation.split(' ').map((token) => {
    const [pitch, beats] = token.split(':')
    return { midi: PITCHES[pitch], beats: Number(beats) }
  })
}

// A verse's last line climbs to lead into the chorus. No line is sung to quite the tune of another.
const VERSE_CHORDS: readonly ChordName[] = ['C', 'Am', 'F', 'G', 'C', 'Am', 'F', 'G']
const CHORUS_CHORDS: readonly ChordName[] = ['F', 'C', 'G', 'Am', 'F', 'C', 'G', 'C']
const VERSE_1_MELODY = [
  'C4:1 C4:0.5 E4:1.5 D4:0.5 C4:0.5 E4:1.5 D4:0.5 C4:1.25',
  'A3:1 A3:0.5 C4:1.5 C4:1 D4:1 B3:0.5 G3:1.75',
  'E4:1 D4:0.5 G4:1.5 F4:0.5 D4:0.5 C4:1.5 B3:0.5 A3:1.25',
  'A3:1 A3:0.5 C4:1.5 D4:1 E4:1 E4:0.5 D4:1.75',
]
const VERSE_2_MELODY = [
  'C4:1 D4:0.5 E4:1.5 C4:0.5 D4:0.5 E4:1.5 C4:0.5 A3:1.25',
  'A3:1 C4:0.5 C4:1.5 A3:1 B3:1 D4:0.5 G3:1.75',
  'D4:1 E4:0.5 G4:1.5 E4:0.5 D4:0.5 E4:1.5 C4:0.5 A3:1.25',
  'C4:1 A3:0.5 C4:1.5 D4:1 E4:1 G4:0.5 D4:1.75',
]
const CHORUS_1_MELODY = [
  'C4:1 F4:0.5 F4:1.5 G4:1 G4:1 E4:0.5 E4:1.75',
  'G4:1 A4:0.5 G4:1.5 F4:1 D4:1 F4:0.5 E4:1.75',
  'A4:1 G4:0.5 F4:1.5 A4:1 G4:1 D4:0.5 E4:1.75',
  'D4:0.5 D4:0.5 G4:2 A4:1 G4:1 F4:0.5 E4:2',
]
const CHORUS_2_MELODY = [
  'A3:1 C4:0.5 F4:1.5 G4:1 G4:1 F4:0.5 E4:1.75',
  'G4:1 F4:0.5 A4:1.5 G4:1 E4:1 D4:0.5 E4:1.75',
  'A4:1 G4:0.5 A4:1.5 F4:1 G4:1 E4:0.5 C4:1.75',
  'D4:0.5 F4:0.5 F4:2 G4:1 A4:1 F4:0.5 E4:2',
]
const TAG_MELODY = ['C4:1 C4:0.5 F4:1.5 E4:1 D4:1 B3:0.5 C4:3']

const VERSE_1 = [
  'Late at night when the rain comes down',
  'I can see that window glow',
  'Take your coat and the silver key',
  "Here's a place I want to go",
]
const VERSE_2 = [
  'Past the bridge and the sleeping trees',
  'Past the houses by the stream',
  'All the stars are awake with us',
  'Like a song inside a dream',
]
const CHORUS = [
  'Follow me down lantern road',
  'Every light will bring us home',
  'Hold my hand and sing with me',
  'Lantern road my lantern road',
]
const TAG = ['Every light will bring us home']

function section(
  label: SectionLabel,
  startBar: number,
  chords: readonly ChordName[],
  texts: readonly string[] = [],
  melody: readonly string[] = [],
): Section {
  const lines = texts.map((text, i) => ({ text, bar: startBar + 2 * i, notes: parseNotes(melody[i]) }))
  return { label, startBar, chords, lines }
}

export const SECTIONS: readonly Section[] = [
  section('intro', 0, ['C', 'Am', 'F', 'G']),
  section('verse', 4, VERSE_CHORDS, VERSE_1, VERSE_1_MELODY),
  section('chorus', 12, CHORUS_CHORDS, CHORUS, CHORUS_1_MELODY),
  section('verse', 20, VERSE_CHORDS, VERSE_2, VERSE_2_MELODY),
  section('chorus', 28, CHORUS_CHORDS, CHORUS, CHORUS_2_MELODY),
  section('outro', 36, ['F', 'G', 'C', 'C'], TAG, TAG_MELODY),
]

export const BARS = 40
export const BEAT_SECONDS = 60 / BPM

/** Where a beat falls, counted from 0 at the first downbeat; fractions are allowed. */
export function beatSeconds(beat: number): number {
  return LEAD_IN_SECONDS + beat * BEAT_SECONDS
}

/** Equal temperament, A4 (MIDI 69) = 440 Hz. */
export function midiHz(midi: number): number {
  return 440 * 2 ** ((midi - 69) / 12)
}
