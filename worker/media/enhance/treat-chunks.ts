import { InvalidInput } from '../../errors.ts'
import { FrameReader } from './frame-reader.ts'
import { ResidueFilter, residueContext, residueHop } from './residue.ts'

export interface ChunkOptions {
  readonly sampleRateHz: number
  /** 1 or 2. */
  readonly channels: number
  /** Longest stretch treated at a time; memory grows with it. */
  readonly chunkSeconds: number
  /** How much neighbouring chunks share; they fade into each other within it. */
  readonly overlapSeconds: number
  readonly signal: AbortSignal
}

/** Frames per block given out. */
const BLOCK_FRAMES = 65_536

/**
 * Lowers the voice's residue in a stream, chunk by chunk. Chunks overlap and fade into each other where both have heard enough on either
 * side, so that the joins equal a treatment in one piece.
 *
 * @param instrumental interleaved blocks of any length
 * @param vocals the separated voice, likewise; silence is put behind it where it is shorter
 * @yields interleaved blocks, as many frames in all as `instrumental` has
 * @throws InvalidInput when the overlap is too short to join chunks in, or not shorter than half a chunk
 */
export async function* treatChunks(
  instrumental: AsyncIterable<Float32Array>,
  vocals: AsyncIterable<Float32Array>,
  { sampleRateHz, channels, chunkSeconds, overlapSeconds, signal }: ChunkOptions,
): AsyncGenerator<Float32Array, void, undefined> {
  // Chunks that begin on the grid of frames are cut into the same frames.
  const hop = residueHop(sampleRateHz)
  const chunkFrames = Math.floor((chunkSeconds * sampleRateHz) / hop) * hop
  const overlapFrames = Math.floor((overlapSeconds * sampleRateHz) / hop) * hop
  const contextFrames = residueContext(sampleRateHz)
  if (!(overlapFrames >= 3 * contextFrames && chunkFrames >= 2 * overlapFrames)) {
    const least = ((3 * contextFrames) / sampleRateHz + 0.05).toFixed(1)
    throw new InvalidInput(
      `expected chunks at least twice their overlap, and an overlap of at least ${least} s, got ${chunkSeconds} s and ${overlapSeconds} s`,
    )
  }
  const fade = fadeIn(overlapFrames, contextFrames)
  const filter = new ResidueFilter(sampleRateHz)
  await using music = new FrameReader(instrumental, channels)
  await using voice = new FrameReader(vocals, channels)

  let chunk = await music.read(chunkFrames)
  let chunkVoice = await voice.readPadded(chunk[0].length)
  let tail: Float32Array[] | null = null
  for (;;) {
    const length = chunk[0].length
    const isFull = length === chunkFrames
    const untreated = chunk.map((plane) => plane.slice(isFull ? length - overlapFrames : length))
    await filter.run(chunk, chunkVoice, signal)
    if (tail) for (const [channel, plane] of chunk.entries()) fadeOver(tail[channel], plane, fade)
    const done = isFull ? length - overlapFrames : length
    yield* interleavedBlocks(chunk, done)
    if (!isFull) return
    tail = chunk.map((plane) => plane.slice(done))
    const voiceTail = chunkVoice.map((plane) => plane.slice(done))
    const following = await music.read(chunkFrames - overlapFrames)
    const voiceFollowing = await voice.readPadded(following[0].length)
    if (following[0].length === 0) {
      yield* interleavedBlocks(tail, overlapFrames)
      return
    }
    chunk = untreated.map((plane, channel) => joined(plane, following[channel]))
    chunkVoice = voiceTail.map((plane, channel) => joined(plane, voiceFollowing[channel]))
  }
}

/** Share of the later chunk over the overlap: 0 while it lacks what came before, then a raised cosine, 1 where the earlier lacks what follows. */
function fadeIn(frames: number, contextFrames: number): Float64Array {
  const span = frames - 2 * contextFrames
  return Float64Array.from({ length: frames }, (_, i) => {
    const phase = Math.min(1, Math.max(0, (i - contextFrames + 0.5) / span))
    return 0.5 - 0.5 * Math.cos(Math.PI * phase)
  })
}

/** Fades from `tail` to the beginning of `plane`, in place in `plane`. */
function fadeOver(tail: Float32Array, plane: Float32Array, fade: Float64Array): void {
  const length = Math.min(tail.length, plane.length)
  // In this form two equal samples give that very sample.
  for (let i = 0; i < length; i++) plane[i] = tail[i] + fade[i] * (plane[i] - tail[i])
}

function* interleavedBlocks(planes: readonly Float32Array[], frames: number): Generator<Float32Array> {
  const channels = planes.length
  for (let from = 0; from < frames; from += BLOCK_FRAMES) {
    const count = Math.min(BLOCK_FRAMES, frames - from)
    const block = new Float32Array(count * channels)
    for (const [channel, plane] of planes.entries()) {
      for (let i = 0, at = channel; i < count; i++, at += channels) block[at] = plane[from + i]
    }
    yield block
  }
}

function joined(a: Float32Array, b: Float32Array): Float32Array {
  const out = new Float32Array(a.length + b.length)
  out.set(a)
  out.set(b, a.length)
  return out
}
