import type { Gesture, GestureKind } from './articulation.ts'
import { POSE_KEYS, type Pose } from './pose.ts'

/** Samples between two control values. */
export const CONTROL_PERIOD = 64

/** One value for each control period, for everything a pose holds. */
export type Tracks = Readonly<Record<keyof Pose, Float32Array>>

const FORMANT_KEYS: ReadonlySet<keyof Pose> = new Set(['f1', 'f2', 'f3', 'b1', 'b2', 'b3', 'nasality'])
/** A diphthong moves in its last part, however long the note. */
const DIPHTHONG_SECONDS = 0.2
const DIPHTHONG_SHARE = 0.6

interface Transition {
  readonly beforeSeconds: number
  readonly afterSeconds: number
}

/** Samples the gestures and joins neighbours smoothly: formants slowly, amplitudes quickly, a burst at once. */
export function traceGestures(gestures: readonly Gesture[], sampleRateHz: number, frames: number): Tracks {
  const tracks = Object.fromEntries(POSE_KEYS.map((key) => [key, new Float32Array(frames)])) as Record<
    keyof Pose,
    Float32Array
  >
  const framesPerSecond = sampleRateHz / CONTROL_PERIOD
  for (const gesture of gestures) {
    const first = Math.ceil(gesture.startSeconds * framesPerSecond)
    const last = Math.min(frames - 1, Math.ceil(gesture.endSeconds * framesPerSecond))
    for (let frame = first; frame <= last; frame++) {
      const phase = progress(gesture, frame / framesPerSecond)
      for (const key of POSE_KEYS) tracks[key][frame] = at(gesture, key, phase)
    }
  }
  for (let i = 1; i < gestures.length; i++) joinGestures(tracks, gestures[i - 1], gestures[i], framesPerSecond, frames)
  return tracks
}

function joinGestures(
  tracks: Record<keyof Pose, Float32Array>,
  left: Gesture,
  right: Gesture,
  framesPerSecond: number,
  frames: number,
): void {
  const slow = limited(formantTransition(left.kind, right.kind), left, right)
  const quick = limited(amplitudeTransition(left.kind, right.kind), left, right)
  for (const key of POSE_KEYS) {
    const { beforeSeconds, afterSeconds } = FORMANT_KEYS.has(key) ? slow : quick
    const startSeconds = right.startSeconds - beforeSeconds
    const endSeconds = right.startSeconds + afterSeconds
    const last = Math.min(frames - 1, Math.floor(endSeconds * framesPerSecond))
    for (let frame = Math.ceil(startSeconds * framesPerSecond); frame <= last; frame++) {
      const seconds = frame / framesPerSecond
      const weight = smooth((seconds - startSeconds) / (endSeconds - startSeconds))
      const from = at(left, key, progress(left, seconds))
      tracks[key][frame] = from + weight * (at(right, key, progress(right, seconds)) - from)
    }
  }
}

function formantTransition(left: GestureKind, right: GestureKind): Transition {
  if (left === 'vowel' && right === 'vowel') return { beforeSeconds: 0.04, afterSeconds: 0.04 }
  if (left === 'glide' || right === 'glide') return { beforeSeconds: 0.04, afterSeconds: 0.045 }
  if (left === 'vowel') return { beforeSeconds: 0.05, afterSeconds: 0.01 }
  if (right === 'vowel') return { beforeSeconds: 0.008, afterSeconds: 0.045 }
  return { beforeSeconds: 0.01, afterSeconds: 0.01 }
}

function amplitudeTransition(left: GestureKind, right: GestureKind): Transition {
  if (right === 'burst') return { beforeSeconds: 0.001, afterSeconds: 0.003 }
  if (left === 'burst') return { beforeSeconds: 0.004, afterSeconds: 0.01 }
  if (left === 'silence') return { beforeSeconds: 0, afterSeconds: 0.03 }
  if (right === 'silence') return { beforeSeconds: 0.08, afterSeconds: 0 }
  if (left === 'closure' || right === 'closure') return { beforeSeconds: 0.01, afterSeconds: 0.008 }
  return { beforeSeconds: 0.012, afterSeconds: 0.014 }
}

/** A transition may reach no further than the middle of its gesture, so that two never overlap. */
function limited(transition: Transition, left: Gesture, right: Gesture): Transition {
  return {
    beforeSeconds: Math.min(transition.beforeSeconds, (left.endSeconds - left.startSeconds) / 2),
    afterSeconds: Math.min(transition.afterSeconds, (right.endSeconds - right.startSeconds) / 2),
  }
}

/** How far a gesture has moved from its start to its end pose, 0…1. */
function progress(gesture: Gesture, seconds: number): number {
  const duration = gesture.endSeconds - gesture.startSeconds
  const moving = gesture.kind === 'vowel' ? Math.min(DIPHTHONG_SECONDS, DIPHTHONG_SHARE * duration) : duration
  return smooth((seconds - (gesture.endSeconds - moving)) / moving)
}

function at(gesture: Gesture, key: keyof Pose, phase: number): number {
  return gesture.start[key] + phase * (gesture.end[key] - gesture.start[key])
}

/** A raised cosine from 0 to 1, clamped outside. */
export function smooth(x: number): number {
  if (!(x > 0)) return 0
  return x >= 1 ? 1 : 0.5 - 0.5 * Math.cos(Math.PI * x)
}
