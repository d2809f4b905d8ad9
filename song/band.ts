import { ARRANGEMENTS, LEAD_TUNE, STRING_ACCENTS, STRING_PATTERN } from './arrangement.ts'
import {
  BEAT_SECONDS,
  BEATS_PER_BAR,
  beatSeconds,
  CHORDS,
  type ChordName,
  SECTIONS,
  type Section,
} from './composition.ts'
import {
  renderBass,
  renderHat,
  renderKick,
  renderLead,
  renderPad,
  renderPiano,
  renderSnare,
  renderString,
} from './instruments.ts'
import { createNoise } from './random.ts'

export type Stereo = readonly [Float32Array, Float32Array]

/** Plays the accompaniment, dry, at the composition's beats; a few milliseconds of human looseness off the grid. */
export function playBand(sampleRateHz: number, samples: number): Stereo {
  const bus: Stereo = [new Float32Array(samples), new Float32Array(samples)]
  const looseness = createNoise(5)
  const sounds = recordings(sampleRateHz)
  const play = (sound: Float32Array, beat: number, gain: number, pan: number) => {
    const seconds = beatSeconds(beat) + 0.003 * looseness()
    place(bus, sound, Math.round(seconds * sampleRateHz), gain * (1 + 0.08 * looseness()), pan)
  }
  for (const [index, section] of SECTIONS.entries()) {
    if (index > 0) play(sounds.crash, section.startBar * BEATS_PER_BAR, 0.28, 0.35)
    for (const [i, chord] of section.chords.entries()) {
      const isLast = section.label === 'outro' && i >= section.chords.length - 2
      if (isLast) playEnding(section, i, chord, sounds, play)
      else playBar(section, i, chord, sounds, play)
    }
  }
  for (const [bar, beat, beats, midi] of LEAD_TUNE) {
    play(renderLead(sampleRateHz, midi, beats * BEAT_SECONDS), bar * BEATS_PER_BAR + beat, 0.36, -0.15)
  }
  return bus
}

type Play = (sound: Float32Array, beat: number, gain: number, pan: number) => void
type Recordings = ReturnType<typeof recordings>

function playBar(section: Section, index: number, chord: ChordName, sounds: Recordings, play: Play): void {
  const gains = ARRANGEMENTS[section.label]
  const first = (section.startBar + index) * BEATS_PER_BAR
  const isChorus = section.label === 'chorus'
  if (gains.drums > 0) {
    for (const beat of [0, 2, ...(isChorus ? [2.5] : []), ...(index % 2 === 1 ? [3.5] : [])]) {
      play(sounds.kick, first + beat, 0.75 * gains.drums, 0)
    }
    for (const beat of [1, 3]) play(sounds.snare, first + beat, 0.5 * gains.drums, 0.05)
    if (index === section.chords.length - 1) {
      for (const beat of [2.5, 3.25, 3.5, 3.75]) play(sounds.snare, first + beat, 0.3 * gains.drums, 0.05)
    }
  }
  for (let eighth = 0; eighth < 8; eighth++) {
    const beat = first + eighth / 2
    const isOpen = isChorus && eighth === 7
    play(isOpen ? sounds.openHat : sounds.hat, beat, (eighth % 2 === 0 ? 0.22 : 0.14) * gains.hats, 0.6)
    const tone = STRING_PATTERN[eighth]
    play(sounds.strings[chord][tone][index % 2], beat, 0.4 * gains.strings * STRING_ACCENTS[eighth], -0.75)
    if (eighth === 0 || eighth === 3 || eighth === 6 || (isChorus && eighth === 5)) {
      play(sounds.bass[chord], beat, 0.34 * gains.bass, 0)
    }
  }
  for (const beat of isChorus ? [0, 1.5, 2.5] : [0, 2.5]) {
    for (const tone of sounds.piano[chord]) play(tone, first + beat, 0.14 * gains.piano, 0.7)
  }
  playPad(chord, first, gains.pad, sounds, play)
}

/** The last two bars: one struck chord that rings. */
function playEnding(section: Section, index: number, chord: ChordName, sounds: Recordings, play: Play): void {
  const first = (section.startBar + index) * BEATS_PER_BAR
  playPad(chord, first, index === section.chords.length - 1 ? 0.5 : 0.9, sounds, play)
  if (index === section.chords.length - 1) return
  play(sounds.kick, first, 0.8, 0)
  play(sounds.crash, first, 0.3, 0.35)
  play(sounds.endingBass, first, 0.34, 0)
  for (const [i, tone] of sounds.strings[chord].entries()) play(tone[0], first + 0.06 * i, 0.55, -0.75)
  for (const tone of sounds.piano[chord]) play(tone, first, 0.24, 0.7)
}

function playPad(chord: ChordName, beat: number, gain: number, sounds: Recordings, play: Play): void {
  play(sounds.pads[chord][0], beat, 0.26 * gain, -0.9)
  play(sounds.pads[chord][1], beat, 0.26 * gain, 0.9)
}

function recordings(sampleRateHz: number) {
  const perChord = <T>(make: (chord: (typeof CHORDS)[ChordName]) => T): Record<ChordName, T> => ({
    C: make(CHORDS.C),
    Am: make(CHORDS.Am),
    F: make(CHORDS.F),
    G: make(CHORDS.G),
  })
  const barSeconds = BEATS_PER_BAR * BEAT_SECONDS
  return {
    kick: renderKick(sampleRateHz),
    snare: renderSnare(sampleRateHz, 21),
    hat: renderHat(sampleRateHz, 60, 22),
    openHat: renderHat(sampleRateHz, 14, 23),
    crash: renderHat(sampleRateHz, 3, 24),
    bass: perChord(({ bass }) => renderBass(sampleRateHz, bass, 1.3 * BEAT_SECONDS)),
    endingBass: renderBass(sampleRateHz, CHORDS.C.bass, 2 * barSeconds),
    // Two takes of every string: played in turn, they do not repeat to the sample.
    strings: perChord(({ notes }) =>
      notes.map((midi) => [31, 57].map((seed) => renderString(sampleRateHz, midi + 12, 1.6, seed + midi))),
    ),
    piano: perChord(({ notes }) => notes.map((midi) => renderPiano(sampleRateHz, midi, 1.2))),
    pads: perChord(({ notes }) => [6, 9].map((cents) => renderPad(sampleRateHz, notes, barSeconds + 0.15, cents))),
  }
}

/** Adds a sound to the bus with an equal-power pan (−1 left … 1 right). */
function place(bus: Stereo, sound: Float32Array, start: number, gain: number, pan: number): void {
  const angle = ((pan + 1) * Math.PI) / 4
  const left = gain * Math.cos(angle)
  const right = gain * Math.sin(angle)
  const end = Math.min(sound.length, bus[0].length - start)
  for (let i = 0; i < end; i++) {
    bus[0][start + i] += left * sound[i]
    bus[1][start + i] += right * sound[i]
  }
}
