import { midiHz } from './composition.ts'
import { createNoise } from './random.ts'
import type { ScoredNote } from './score.ts'
import { CONTROL_PERIOD, smooth } from './tracks.ts'

const PORTAMENTO_SECONDS = 0.08
const SCOOP_SEMITONES = 1
const SCOOP_SECONDS = 0.12
const VIBRATO_HZ = 5.4
const VIBRATO_SEMITONES = 0.45
const VIBRATO_DELAY_SECONDS = 0.14
const VIBRATO_RISE_SECONDS = 0.3
const DRIFT_SEMITONES = 0.06
/** Vibrato is heard in loudness too. */
const TREMOLO = 0.15
/** A held note fades to this part of its loudness, with this time constant. */
const SUSTAIN = 0.6
const SUSTAIN_SECONDS = 0.5

/** How the voice is led, for each control period. */
export interface Expression {
  readonly pitchHz: Float32Array
  readonly loudness: Float32Array
}

/**
 * Steps between notes become short slides that end as the vowel begins, a line's first note is scooped, long notes get
 * vibrato and fade a little, and everything drifts.
 */
export function traceExpression(notes: readonly ScoredNote[], sampleRateHz: number, frames: number): Expression {
  const pitchHz = new Float32Array(frames)
  const loudness = new Float32Array(frames)
  const framesPerSecond = sampleRateHz / CONTROL_PERIOD
  const noise = createNoise(11)
  let drift = 0
  let i = 0
  let level = 1
  for (let frame = 0; frame < frames; frame++) {
    const seconds = frame / framesPerSecond
    while (i + 1 < notes.length && seconds >= slideStart(notes[i + 1])) i++
    const note = notes[i]
    const before = notes[i - 1]
    const isFirst = before === undefined || before.lineIndex !== note.lineIndex
    const from = isFirst ? note.midi - SCOOP_SEMITONES : before.midi
    const slid = smooth((seconds - slideStart(note)) / (isFirst ? SCOOP_SECONDS : PORTAMENTO_SECONDS))
    const age = seconds - note.startSeconds
    const depth = smooth((age - VIBRATO_DELAY_SECONDS) / VIBRATO_RISE_SECONDS)
    const vibrato = depth * Math.sin(2 * Math.PI * VIBRATO_HZ * age)
    drift = 0.995 * drift + 0.1 * DRIFT_SEMITONES * noise()
    pitchHz[frame] = midiHz(from + (note.midi - from) * slid + VIBRATO_SEMITONES * vibrato + drift)
    const held = SUSTAIN + (1 - SUSTAIN) * Math.exp(-Math.max(0, age) / SUSTAIN_SECONDS)
    // The next note's attack is a swell of some 20 ms, never a step.
    level += (held * (1 + TREMOLO * vibrato) - level) * Math.min(1, 50 / framesPerSecond)
    loudness[frame] = level
  }
  return { pitchHz, loudness }
}

/** A slide ends 20 ms into the vowel. */
function slideStart(note: ScoredNote): number {
  return note.startSeconds + 0.02 - PORTAMENTO_SECONDS
}
