/** What the voice does at one moment. Frequencies in Hz, amplitudes 0…1 relative to a full vowel. */
export interface Pose {
  readonly f1: number
  readonly f2: number
  readonly f3: number
  readonly b1: number
  readonly b2: number
  readonly b3: number
  /** How far the passage to the nose is open, 0…1. */
  readonly nasality: number
  readonly voicing: number
  readonly aspiration: number
  readonly lowHz: number
  readonly lowBandwidthHz: number
  readonly lowGain: number
  readonly highHz: number
  readonly highBandwidthHz: number
  readonly highGain: number
  readonly flatGain: number
}

export const POSE_KEYS = [
  'f1',
  'f2',
  'f3',
  'b1',
  'b2',
  'b3',
  'nasality',
  'voicing',
  'aspiration',
  'lowHz',
  'lowBandwidthHz',
  'lowGain',
  'highHz',
  'highBandwidthHz',
  'highGain',
  'flatGain',
] as const satisfies readonly (keyof Pose)[]
