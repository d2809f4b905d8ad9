import type { FrameGrid } from './frame-grid.ts'

/** Decides frame by frame how much of every bin is voice; may look ahead, so masks may come out later than frames go in. */
export interface MaskModel {
  /** Takes the next frame; the arrays are reused by the caller. */
  push(frame: MaskFrame): void
  /** No more frames will come. */
  end(): void
  /** Writes the mask of the next frame, 0 … 1 per bin, and returns true; or returns false when more frames are needed. */
  next(mask: Float32Array): boolean
}

/** What is known of a frame, per bin. */
export interface MaskFrame {
  /** The voice's share by repetition, 0 … 1. */
  readonly repetition: Float32Array
  /** Of the mix. */
  readonly magnitudes: Float32Array
  /** How alike the first two channels are, 0 (one side only, or opposed) … 1 (in the middle, or mono). */
  readonly centre: Float32Array
}

/** A band of frequencies. */
export interface Band {
  readonly lowestHz: number
  readonly highestHz: number
}

/** Band edges fade over a quarter of their frequency. */
const FADE = 0.25

/** The singing voice at full level, and where its fades end. */
const VOICE: Band = { lowestHz: 150, highestHz: 14_000 }
export const VOICE_BAND: Band = { lowestHz: VOICE.lowestHz * (1 - FADE), highestHz: VOICE.highestHz * (1 + FADE) }

/** 1 where a voice sings at full level, fading to 0 towards the ends of `VOICE_BAND`. */
export function voiceMask(grid: FrameGrid): Float32Array {
  return Float32Array.from({ length: grid.bins }, (_, k) => {
    const hz = k * grid.binHz
    const low = 1 - (VOICE.lowestHz - hz) / (VOICE.lowestHz * FADE)
    const high = 1 - (hz - VOICE.highestHz) / (VOICE.highestHz * FADE)
    return Math.max(0, Math.min(1, low, high))
  })
}
