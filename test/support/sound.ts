import { stat, truncate, writeFile } from 'node:fs/promises'
import { writeFlac } from '../../worker/media/ffmpeg/pcm.ts'

/** Sound made in code. */
export interface Sound {
  readonly sampleRateHz: number
  readonly channels: number
  /** Interleaved, in [-1, 1]. */
  readonly samples: Float32Array
}

export interface SoundShape {
  readonly seconds: number
  readonly sampleRateHz: number
  readonly channels: number
}

/** A sine, a little different in each channel and swelling twice a second, so that it is no test signal to any filter. */
export function tone(shape: SoundShape, hz = 440): Sound {
  const step = (2 * Math.PI * hz) / shape.sampleRateHz
  const swell = (2 * Math.PI * 2) / shape.sampleRateHz
  return fill(
    shape,
    (frame, channel) => 0.3 * (0.6 + 0.4 * Math.sin(frame * swell)) * Math.sin(frame * step + channel / 5),
  )
}

/** White noise, the same every time. */
export function noise(shape: SoundShape): Sound {
  let state = 1
  return fill(shape, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32 - 0.5
  })
}

export function silence(shape: SoundShape): Sound {
  return fill(shape, () => 0)
}

function fill(
  { seconds, sampleRateHz, channels }: SoundShape,
  sample: (frame: number, channel: number) => number,
): Sound {
  const frames = Math.round(seconds * sampleRateHz)
  const samples = new Float32Array(frames * channels)
  for (let frame = 0, at = 0; frame < frames; frame++)
    for (let channel = 0; channel < channels; channel++) samples[at++] = sample(frame, channel)
  return { sampleRateHz, channels, samples }
}

/** A WAV file of 16 bits. */
export async function writeWav(path: string, { sampleRateHz, channels, samples }: Sound): Promise<void> {
  const file = Buffer.alloc(44 + samples.length * 2)
  file.write('RIFF', 0, 'latin1')
  file.writeUInt32LE(file.length - 8, 4)
  file.write('WAVEfmt ', 8, 'latin1')
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(1, 20)
  file.writeUInt16LE(channels, 22)
  file.writeUInt32LE(sampleRateHz, 24)
  file.writeUInt32LE(sampleRateHz * channels * 2, 28)
  file.writeUInt16LE(channels * 2, 32)
  file.writeUInt16LE(16, 34)
  file.write('data', 36, 'latin1')
  file.writeUInt32LE(samples.length * 2, 40)
  for (let i = 0; i < samples.length; i++) file.writeInt16LE(Math.round(samples[i] * 32_767), 44 + i * 2)
  await writeFile(path, file)
}

/** A FLAC file of 16 bits whose second half never came: its header still tells the whole length. */
export async function writeTruncatedFlac(path: string, sound: Sound): Promise<void> {
  const { sampleRateHz, channels, samples } = sound
  await writeFlac(path, { sampleRateHz, channels, bitDepth: 16, signal: AbortSignal.timeout(30_000) }, [samples])
  await truncate(path, Math.floor((await stat(path)).size / 2))
}
