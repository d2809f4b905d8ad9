/** Takes any number of frames at a time from a stream of interleaved blocks. */
export class FrameReader {
  readonly #blocks: AsyncIterator<Float32Array>
  readonly #channels: number
  #block: Float32Array = new Float32Array(0)
  /** Samples of `#block` already given. */
  #used = 0

  constructor(blocks: AsyncIterable<Float32Array>, channels: number) {
    this.#blocks = blocks[Symbol.asyncIterator]()
    this.#channels = channels
  }

  /**
   * The next `frames` frames, one array per channel; fewer at the end of the stream, then none. Samples that are no numbers become 0.
   */
  async read(frames: number): Promise<Float32Array[]> {
    const planes = Array.from({ length: this.#channels }, () => new Float32Array(frames))
    let filled = 0
    while (filled < frames) {
      const available = (this.#block.length - this.#used) / this.#channels
      if (available < 1) {
        const next = await this.#blocks.next()
        if (next.done) return planes.map((plane) => plane.slice(0, filled))
        this.#block = next.value
        this.#used = 0
        continue
      }
      const count = Math.min(frames - filled, Math.floor(available))
      for (const [channel, plane] of planes.entries()) {
        for (let i = 0, at = this.#used + channel; i < count; i++, at += this.#channels) {
          const sample = this.#block[at]
          plane[filled + i] = Number.isFinite(sample) ? sample : 0
        }
      }
      filled += count
      this.#used += count * this.#channels
    }
    return planes
  }

  /** As `read`, with silence for what the stream no longer has. */
  async readPadded(frames: number): Promise<Float32Array[]> {
    return (await this.read(frames)).map((plane) => {
      if (plane.length === frames) return plane
      const padded = new Float32Array(frames)
      padded.set(plane)
      return padded
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#blocks.return?.()
  }
}
