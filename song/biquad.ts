/** A second-order filter with its own memory. */
export class Biquad {
  b0 = 1
  b1 = 0
  b2 = 0
  a1 = 0
  a2 = 0
  private x1 = 0
  private x2 = 0
  private y1 = 0
  private y2 = 0

  run(x: number): number {
    const y = this.b0 * x + this.b1 * this.x1 + this.b2 * this.x2 - this.a1 * this.y1 - this.a2 * this.y2
    this.x2 = this.x1
    this.x1 = x
    this.y2 = this.y1
    this.y1 = y
    return y
  }
}

/** A resonance at `hz` with unity gain at 0 Hz, as one formant of a cascade. */
export function setResonance(filter: Biquad, hz: number, bandwidthHz: number, sampleRateHz: number): void {
  const radius = Math.exp((-Math.PI * bandwidthHz) / sampleRateHz)
  filter.a1 = -2 * radius * Math.cos((2 * Math.PI * hz) / sampleRateHz)
  filter.a2 = radius * radius
  filter.b0 = 1 + filter.a1 + filter.a2
  filter.b1 = 0
  filter.b2 = 0
}

/** The inverse of {@link setResonance}: a dip at `hz`, unity gain at 0 Hz. */
export function setAntiResonance(filter: Biquad, hz: number, bandwidthHz: number, sampleRateHz: number): void {
  const radius = Math.exp((-Math.PI * bandwidthHz) / sampleRateHz)
  const c1 = -2 * radius * Math.cos((2 * Math.PI * hz) / sampleRateHz)
  const c2 = radius * radius
  const gain = 1 / (1 + c1 + c2)
  filter.b0 = gain
  filter.b1 = gain * c1
  filter.b2 = gain * c2
  filter.a1 = 0
  filter.a2 = 0
}

/** A band around `hz` with gain 1 at its middle and none at 0 Hz. */
export function setBandpass(filter: Biquad, hz: number, bandwidthHz: number, sampleRateHz: number): void {
  const radius = Math.exp((-Math.PI * bandwidthHz) / sampleRateHz)
  filter.a1 = -2 * radius * Math.cos((2 * Math.PI * hz) / sampleRateHz)
  filter.a2 = radius * radius
  filter.b0 = (1 - filter.a2) / 2
  filter.b1 = 0
  filter.b2 = -filter.b0
}

/** A second-order Butterworth high-pass. */
export function setHighpass(filter: Biquad, hz: number, sampleRateHz: number): void {
  const k = Math.tan((Math.PI * hz) / sampleRateHz)
  const norm = 1 / (1 + Math.SQRT2 * k + k * k)
  filter.b0 = norm
  filter.b1 = -2 * norm
  filter.b2 = norm
  filter.a1 = 2 * (k * k - 1) * norm
  filter.a2 = (1 - Math.SQRT2 * k + k * k) * norm
}
