import { InvalidInput } from '../../errors.ts'
import { probeChannels } from './probe.ts'
import { openPipe, runFfmpeg } from './run.ts'

export interface PcmOptions {
  readonly sampleRateHz: number
  readonly channels: number
  /** First sample to read, on the clock of the whole decoded file; 0 if not given. */
  readonly startSeconds?: number | undefined
  readonly durationSeconds?: number | undefined
  /** Frames per block, 65 536 if not given. */
  readonly blockFrames?: number | undefined
  readonly signal: AbortSignal
}

const BLOCK_FRAMES = 65_536

/**
 * The filter that resamples and, where fewer channels are asked for, mixes down. Surround stays within full scale; left alone,
 * ffmpeg would add the channels up.
 */
export function resampleFilter(sampleRateHz: number): string {
  return `aresample=${sampleRateHz}:rematrix_maxval=1`
}

/**
 * Decodes the first audio stream of any accepted file to 32-bit samples, resampled and mixed to what is asked for. Memory
 * stays bounded: ffmpeg waits while the caller works on a block.
 *
 * @yields interleaved samples, nominally in [-1, 1] (lossy files may go a little beyond); every block has exactly
 * `blockFrames` frames except the last, and belongs to the caller
 * @throws MediaFailed when the file cannot be decoded; `signal.reason` after an abort
 */
export async function* readPcm(path: string, options: PcmOptions): AsyncGenerator<Float32Array, void, undefined> {
  const { channels, blockFrames = BLOCK_FRAMES, signal } = options
  const isSpread = channels > 1 && (await probeChannels(path, options)) === 1
  const stopped = new AbortController()
  const pipe = openPipe()
  const run = runFfmpeg(pcmArguments(path, { ...options, isSpread }), {
    signal: AbortSignal.any([signal, stopped.signal]),
    stdout: pipe,
  })
  // Observed below; a failure while a block is being worked on is not unhandled.
  run.catch(() => {})
  try {
    const blockBytes = blockFrames * channels * Float32Array.BYTES_PER_ELEMENT
    let block = new Uint8Array(blockBytes)
    let filled = 0
    for await (const chunk of pipe as AsyncIterable<Uint8Array>) {
      let offset = 0
      while (offset < chunk.length) {
        const taken = Math.min(chunk.length - offset, blockBytes - filled)
        block.set(chunk.subarray(offset, offset + taken), filled)
        offset += taken
        filled += taken
        if (filled < blockBytes) continue
        yield new Float32Array(block.buffer)
        block = new Uint8Array(blockBytes)
        filled = 0
      }
    }
    await run
    const frameBytes = channels * Float32Array.BYTES_PER_ELEMENT
    if (filled >= frameBytes) yield new Float32Array(block.buffer, 0, Math.floor(filled / frameBytes) * channels)
  } finally {
    stopped.abort(new Error('reading stopped'))
    await run.catch(() => {})
  }
}

/**
 * The whole file (or span) at once.
 *
 * @returns one array of samples per channel, all of the same length; empty arrays when the file has no samples
 * @throws as `readPcm`
 */
export async function decodePcm(path: string, options: PcmOptions): Promise<Float32Array<ArrayBuffer>[]> {
  const { channels } = options
  const blocks: Float32Array[] = []
  let frames = 0
  for await (const block of readPcm(path, options)) {
    blocks.push(block)
    frames += block.length / channels
  }
  const planes = Array.from({ length: channels }, () => new Float32Array(frames))
  let offset = 0
  for (const block of blocks) {
    const length = block.length / channels
    for (let channel = 0; channel < channels; channel++) {
      const plane = planes[channel]!
      for (let frame = 0, at = channel; frame < length; frame++, at += channels) plane[offset + frame] = block[at]!
    }
    offset += length
  }
  return planes
}

/**
 * Writes samples as FLAC without loss at the given depth: samples that are k/32768 (16 bit) or k/8388608 (24 bit) come back
 * exactly.
 *
 * @param blocks interleaved, any block sizes that are whole frames
 * @throws InvalidInput when a sample is outside [-1, 1] or NaN, or a block is not whole frames; MediaFailed from ffmpeg
 */
export async function writeFlac(
  path: string,
  options: { sampleRateHz: number; channels: number; bitDepth: 16 | 24; signal: AbortSignal },
  blocks: AsyncIterable<Float32Array> | Iterable<Float32Array>,
): Promise<void> {
  await runFfmpeg(flacArguments(path, options), {
    signal: options.signal,
    stdin: checkedBytes(blocks, options.channels),
  })
}

/**
 * Seeking inside compressed audio is not exact, so the span is cut after decoding, counted in samples.
 * `isSpread`: the one channel of a mono source goes to every channel at full level; ffmpeg by itself would take 3 dB off.
 */
export function pcmArguments(path: string, options: Omit<PcmOptions, 'signal'> & { isSpread?: boolean }): string[] {
  const { sampleRateHz, channels, startSeconds = 0, durationSeconds } = options
  const start = Math.round(startSeconds * sampleRateHz)
  const trim = start > 0 ? [`atrim=start_sample=${start}`] : []
  if (durationSeconds !== undefined) trim.push(`atrim=end_sample=${Math.round(durationSeconds * sampleRateHz)}`)
  const each = Array.from({ length: channels }, (_, channel) => `c${channel}=c0`)
  const spread = options.isSpread ? [`pan=${channels}c|${each.join('|')}`] : []
  return [
    ...['-i', path, '-map', '0:a:0', '-vn', '-sn', '-dn'],
    ...['-af', [resampleFilter(sampleRateHz), ...trim, ...spread].join(',')],
    ...['-ac', String(channels), '-ar', String(sampleRateHz), '-c:a', 'pcm_f32le', '-f', 'f32le', 'pipe:1'],
  ]
}

export function flacArguments(
  path: string,
  { sampleRateHz, channels, bitDepth }: { sampleRateHz: number; channels: number; bitDepth: 16 | 24 },
): string[] {
  const format = bitDepth === 16 ? ['-sample_fmt', 's16'] : ['-sample_fmt', 's32', '-bits_per_raw_sample', '24']
  return [
    ...['-f', 'f32le', '-ar', String(sampleRateHz), '-ac', String(channels), '-i', 'pipe:0'],
    ...['-c:a', 'flac', ...format, '-f', 'flac', path],
  ]
}

async function* checkedBytes(
  blocks: AsyncIterable<Float32Array> | Iterable<Float32Array>,
  channels: number,
): AsyncGenerator<Uint8Array> {
  let position = 0
  for await (const block of blocks) {
    if (block.length % channels !== 0) {
      throw new InvalidInput(`expected blocks of whole frames of ${channels} channels, got ${block.length} samples`)
    }
    for (let index = 0; index < block.length; index++) {
      if (Math.abs(block[index]!) <= 1) continue
      const frame = Math.floor((position + index) / channels)
      throw new InvalidInput(`expected samples in [-1, 1], got ${block[index]} in frame ${frame}`)
    }
    position += block.length
    // A copy: the caller may reuse its block as soon as it is asked for the next.
    yield new Uint8Array(block.slice().buffer)
  }
}
