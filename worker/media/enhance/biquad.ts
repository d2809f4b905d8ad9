/** Second-order recursive filter in transposed direct form II; `a0` is 1. Keeps its state from sample to sample. */
export class Biquad {
  readonly #b0: number
  readonly #b1: number
  readonly #b2: number
  readonly #a1: number
  readonly #a2: number
  #z1 = 0
  #z2 = 0

  constructor(b0: number, b1: number, b2: number, a1: number, a2: number) {
    this.#b0 = b0
    this.#b1 = b1
    this.#b2 = b2
    this.#a1 = a1
    this.#a2 = a2
  }

  run(sample: number): number {
    const out = this.#b0 * sample + this.#z1
    this.#z1 = this.#b1 * sample - this.#a1 * out + this.#z2
    this.#z2 = this.#b2 * sample - this.#a2 * out
    return out
  }
}
