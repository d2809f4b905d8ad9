import { midiHz } from './composition.ts'
import { createNoise } from './random.ts'
import type { ScoredNote } from './score.ts'
import { CONTROL_PERIOD, smooth } from './tracks.ts'

const PORTAMENTO_SECONDS = 0.08
const SCOOP_SEMITONES = 1
const SCOOP_SECONDS = 0.12
const VIBRATO_RISE_SECONDS = 0.3
/** How far the pitch (in semitones) and the tract (in parts of its length) wander, as a standard deviation. */
const DRIFT_SEMITONES = 0.12
const DRIFT_TRACT = 0.02
/** Time constant of the wandering. */
const DRIFT_SECONDS = 0.3
/** Vibrato is heard in loudness too. */
const TREMOLO = 0.15
/** A held note fades to this part of its loudness, with this time constant. */
const SUSTAIN = 0.85
const SUSTAIN_SECONDS = 0.5

/** How the voice is led, for each control period. */
export interface Expression {
  readonly pitchHz: Float32Array
  readonly loudness: Float32Array
  /** Factor on all formants: above 1 the tract is held shorter than usual. */
  readonly tract: Float32Array
}

/** How one note is sung this time: nobody sings a note twice alike. */
interface Manner {
  readonly detuneSemitones: number
  readonly gain: number
  readonly vibratoHz: number
  readonly vibratoSemitones: number
  readonly vibratoDelaySeconds: number
  /** In cycles. */
  readonly vibratoPhase: number
}

/** @param chance gives uniform numbers in [−1, 1) */
function createManner(chance: () => number): Manner {
  return {
    detuneSemitones: 0.15 * chance(),
    gain: 10 ** ((1.5 * chance()) / 20),
    vibratoHz: 5.5 + 0.6 * chance(),
    vibratoSemitones: 0.45 + 0.2 * chance(),
    vibratoDelaySeconds: 0.16 + 0.08 * chance(),
    vibratoPhase: 0.5 * chance(),
  }
}

/**
 * Steps between notes become short slides that end as the vowel begins, a line's first note is scooped, long notes get
 * vibrato and fade a little, and everything drifts. A line sung again is a performance of its own.
 */
export function traceExpression(notes: readonly ScoredNote[], sampleRateHz: number, frames: number): Expression {
  const pitchHz = new Float32Array(frames)
  const loudness = new Float32Array(frames)
  const tract = new Float32Array(frames)
  const framesPerSecond = sampleRateHz / CONTROL_PERIOD
  const chance = createNoise(17)
  const manners = notes.map(() => createManner(chance))
  const pitchDrift = createDrift(createNoise(11), DRIFT_SECONDS * framesPerSecond)
  const tractDrift = createDrift(createNoise(13), DRIFT_SECONDS * framesPerSecond)
  let i = 0
  let level = 1
  for (let frame = 0; frame < frames; frame++) {
    const seconds = frame / framesPerSecond
    while (i + 1 < notes.length && seconds >= slideStart(notes[i + 1])) i++
    const note = notes[i]
    const manner = manners[i]
    const isFirst = i === 0 || notes[i - 1].lineIndex !== note.lineIndex
    const to = note.midi + manner.detuneSemitones
    const from = isFirst ? to - SCOOP_SEMITONES : notes[i - 1].midi + manners[i - 1].detuneSemitones
    const slid = smooth((seconds - slideStart(note)) / (isFirst ? SCOOP_SECONDS : PORTAMENTO_SECONDS))
    const age = seconds - note.startSeconds
    const depth = smooth((age - manner.vibratoDelaySeconds) / VIBRATO_RISE_SECONDS)
    const vibrato = depth * Math.sin(2 * Math.PI * (manner.vibratoHz * age + manner.vibratoPhase))
    pitchHz[frame] = midiHz(
      from + (to - from) * slid + manner.vibratoSemitones * vibrato + DRIFT_SEMITONES * pitchDrift(),
    )
    tract[frame] = 1 + DRIFT_TRACT * tractDrift()
    const held = SUSTAIN + (1 - SUSTAIN) * Math.exp(-Math.max(0, age) / SUSTAIN_SECONDS)
    // The next note's attack is a swell of some 20 ms, never a step.
    level += (manner.gain * held * (1 + TREMOLO * vibrato) - level) * Math.min(1, 50 / framesPerSecond)
    loudness[frame] = level
  }
  return { pitchHz, loudness, tract }
}

/** Noise that wanders slowly around zero, with unit variance: smoothed twice with a time constant of `steps`. */
function createDrift(chance: () => number, steps: number): () => number {
  // The noise has a variance of 1/3, of which two such smoothings leave 1 / (4 steps).
  const gain = Math.sqrt(12 * steps)
  let once = 0
  let twice = 0
  return () => {
    once += (gain * chance() - once) / steps
    twice += (once - twice) / steps
    return twice
  }
}

/** A slide ends 20 ms into the vowel. */
function slideStart(note: ScoredNote): number {
  return note.startSeconds + 0.02 - PORTAMENTO_SECONDS
}
