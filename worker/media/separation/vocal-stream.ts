import { setImmediate } from 'node:timers/promises'
import { CentreRows } from './centre.ts'
import type { FrameGrid } from './frame-grid.ts'
import type { Band, MaskModel } from './mask.ts'
import { RepetSim } from './repet.ts'
import { StftStream } from './stft-stream.ts'

/** A finished span of sound: interleaved, both of the same length. */
export interface VocalBlock {
  readonly mix: Float32Array
  readonly vocals: Float32Array
}

/** Long work looks at its signal this often. */
const REST_EVERY_MS = 40
/** Frames worked on between two looks at the outside: some milliseconds. */
const PIECE = 16

/**
 * Takes a mix block by block and gives its voice, as repetition and a mask model see it, some minutes of sound later.
 * Memory is bounded by that delay; the output does not depend on the sizes of the blocks.
 */
export class VocalStream {
  readonly #grid: FrameGrid
  readonly #stft: StftStream
  readonly #repet: RepetSim
  readonly #centres: CentreRows
  readonly #model: MaskModel
  readonly #rows: Record<'magnitudes' | 'power' | 'cross' | 'centre' | 'repetition' | 'mask', Float32Array>
  #analysed = 0
  #masked = 0
  #ended = false

  /**
   * @param model decides the mask; made for the same grid
   * @param options.band where voice is looked for; frames are compared over the whole grid
   * @param options.contextSeconds the music that a frame is compared with
   */
  constructor(grid: FrameGrid, channels: number, model: MaskModel, options: { band: Band; contextSeconds?: number }) {
    const row = () => new Float32Array(grid.bins)
    this.#grid = grid
    this.#stft = new StftStream(grid, channels)
    this.#repet = new RepetSim(grid, options.band, options.contextSeconds)
    this.#centres = new CentreRows(grid)
    this.#model = model
    this.#rows = { magnitudes: row(), power: row(), cross: row(), centre: row(), repetition: row(), mask: row() }
  }

  /** Takes interleaved samples, whole frames. */
  push(block: Float32Array): void {
    this.#stft.push(block)
  }

  /** No more samples will come. */
  end(): void {
    this.#ended = true
    this.#stft.end()
  }

  /** How far the slow part of the work has come, in samples of one channel from the start. */
  get workedSamples(): number {
    return this.#masked * this.#grid.hop
  }

  /**
   * Does what can be done with the samples at hand, in pieces of some milliseconds.
   *
   * @yields after each piece the samples that it completed, often none
   */
  *work(): Generator<VocalBlock, void, undefined> {
    while (this.#analysed < this.#stft.frames) {
      this.#analyse(Math.min(this.#stft.frames, this.#analysed + PIECE))
      yield* this.#mask()
    }
    if (!this.#ended) return
    this.#repet.end()
    this.#centres.end()
    yield* this.#mask()
    this.#model.end()
    yield* this.#resynthesise()
  }

  #analyse(end: number): void {
    const { magnitudes, power, cross } = this.#rows
    for (; this.#analysed < end; this.#analysed++) {
      this.#stft.analyse(this.#analysed, magnitudes, power, cross)
      this.#repet.push(magnitudes)
      this.#centres.push(power, cross)
    }
  }

  *#mask(): Generator<VocalBlock, void, undefined> {
    const { repetition, magnitudes, centre } = this.#rows
    while (this.#repet.next(repetition, magnitudes)) {
      this.#centres.read(this.#masked, centre)
      this.#model.push({ repetition, magnitudes, centre })
      this.#masked++
      if (this.#masked % PIECE === 0) yield* this.#resynthesise()
    }
  }

  *#resynthesise(): Generator<VocalBlock, void, undefined> {
    const { mask } = this.#rows
    let mix: Float32Array[] = []
    let vocals: Float32Array[] = []
    let frames = 0
    while (this.#model.next(mask)) {
      const block = this.#stft.resynthesise(mask)
      mix.push(block.mix)
      vocals.push(block.masked)
      if (++frames % PIECE !== 0) continue
      yield { mix: joined(mix), vocals: joined(vocals) }
      mix = []
      vocals = []
    }
    yield { mix: joined(mix), vocals: joined(vocals) }
  }
}

/**
 * Runs a whole mix through a stream, letting other things happen in between.
 *
 * @param mix interleaved blocks
 * @param options.onWorked told now and then how many samples (of one channel) the slow part of the work has done
 * @yields the finished spans in order; together as long as the mix
 * @throws `signal.reason` after an abort
 */
export async function* vocalBlocks(
  stream: VocalStream,
  mix: AsyncIterable<Float32Array> | Iterable<Float32Array>,
  options: { signal: AbortSignal; onWorked?: (samples: number) => void },
): AsyncGenerator<VocalBlock, void, undefined> {
  const { signal, onWorked } = options
  let restedAt = performance.now()
  async function* work() {
    for (const block of stream.work()) {
      if (block.mix.length > 0) yield block
      if (performance.now() - restedAt < REST_EVERY_MS) continue
      onWorked?.(stream.workedSamples)
      await setImmediate()
      signal.throwIfAborted()
      restedAt = performance.now()
    }
  }
  signal.throwIfAborted()
  for await (const block of mix) {
    stream.push(block)
    yield* work()
  }
  stream.end()
  yield* work()
  signal.throwIfAborted()
}

function joined(blocks: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(blocks.reduce((length, block) => length + block.length, 0))
  let at = 0
  for (const block of blocks) {
    out.set(block, at)
    at += block.length
  }
  return out
}
