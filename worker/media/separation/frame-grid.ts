/** How a signal is cut into frames and which bins of a frame are looked at. */
export interface FrameGrid {
  readonly sampleRateHz: number
  /** Samples under the window: always four hops. */
  readonly windowSamples: number
  readonly hop: number
  /** A power of two of at least `windowSamples`; what is beyond the window is silence. */
  readonly fftSize: number
  /** Bins 0 … `bins − 1` are used; those above hold no voice worth keeping. */
  readonly bins: number
  readonly binHz: number
}

/** 4096 samples at 44.1 kHz: long enough to part the partials of a voice, short enough to follow it. */
const WINDOW_SECONDS = 4096 / 44_100

/** A grid whose window is the power of two nearest to 93 ms: 4096 samples at 44.1 and 48 kHz, 2048 at 22.05 kHz. */
export function powerOfTwoGrid(sampleRateHz: number, topHz: number): FrameGrid {
  const size = Math.max(16, 2 ** Math.round(Math.log2(sampleRateHz * WINDOW_SECONDS)))
  return grid(sampleRateHz, size, size, topHz)
}

/** A grid whose window is 93 ms as nearly as whole hops allow, padded with silence to a power of two. */
export function exactGrid(sampleRateHz: number, topHz: number): FrameGrid {
  const windowSamples = Math.max(4, 4 * Math.round((sampleRateHz * WINDOW_SECONDS) / 4))
  return grid(sampleRateHz, windowSamples, 2 ** Math.ceil(Math.log2(windowSamples)), topHz)
}

function grid(sampleRateHz: number, windowSamples: number, fftSize: number, topHz: number): FrameGrid {
  const binHz = sampleRateHz / fftSize
  const bins = Math.min(fftSize / 2 + 1, Math.ceil(topHz / binHz) + 1)
  return { sampleRateHz, windowSamples, hop: windowSamples / 4, fftSize, bins, binHz }
}
