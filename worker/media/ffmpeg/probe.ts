import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { InvalidInput, MediaFailed } from '../../errors.ts'
import { ffmpegFailure } from './failure.ts'
import { findFfmpeg } from './find.ts'
import { fileUrl, leash, MAX_ALLOCATION, UNTRUSTED_INPUT } from './leash.ts'

export interface ProbedAudio {
  readonly codec: string
  readonly sampleRateHz: number
  readonly channels: number
  /** Bits per second, or null where the file does not say. */
  readonly bitRate: number | null
}

export interface ProbedVideo {
  readonly codec: string
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number | null
  readonly pixelFormat: string | null
}

export interface Probe {
  /** As ffmpeg names the container: `mp3`, `flac`, `mov,mp4,m4a,3gp,3g2,mj2`. */
  readonly formatName: string
  readonly durationSeconds: number
  readonly sizeBytes: number
  /** The first stream of sound, or null. */
  readonly audio: ProbedAudio | null
  /** The first moving picture, or null; cover art does not count. */
  readonly video: ProbedVideo | null
  /** Keys in lower case: `title`, `artist`, `album`, `isrc` … */
  readonly tags: Readonly<Record<string, string>>
}

const Tags = z.record(z.string(), z.string()).optional()
const NumberText = z.coerce.number().finite()
const Stream = z.object({
  codec_type: z.string().optional(),
  codec_name: z.string().optional(),
  sample_rate: NumberText.optional(),
  channels: z.number().optional(),
  bit_rate: NumberText.optional(),
  width: z.number().optional(),
  height: z.number().optional(),
  pix_fmt: z.string().optional(),
  avg_frame_rate: z.string().optional(),
  duration: NumberText.optional(),
  disposition: z.object({ attached_pic: z.number().optional() }).optional(),
  tags: Tags,
})
const Report = z.object({
  streams: z.array(Stream),
  format: z.object({
    format_name: z.string(),
    duration: NumberText.optional(),
    bit_rate: NumberText.optional(),
    tags: Tags,
  }),
})
const Channels = z.object({ streams: z.array(z.object({ channels: z.number() })) })
const Packets = z.object({
  packets: z.array(z.object({ pts_time: NumberText.optional(), duration_time: NumberText.optional() })),
})

const TIMEOUT_MS = 60_000
/** FLAC says its length at the front, and a download that broke off keeps saying it. */
const CUT_SHORT_SECONDS = 0.5

const run = promisify(execFile)

/**
 * What a media file is, without decoding it.
 *
 * @throws InvalidInput when the file is missing, empty, not audio or video of an accepted kind, or cut short
 */
export async function probe(path: string, { signal }: { signal: AbortSignal }): Promise<Probe> {
  const name = basename(path)
  const file = await stat(path).catch((cause: unknown) => {
    throw new InvalidInput(`expected an audio or video file at “${name}”, but it is not there`, { cause })
  })
  if (!file.isFile()) throw new InvalidInput(`expected “${name}” to be a file`)
  if (file.size === 0) throw new InvalidInput(`“${name}” is empty; send the whole file`)
  const report = Report.safeParse(await ffprobe(path, ['-show_format', '-show_streams'], signal))
  if (!report.success) throw notMedia(name)
  const { format, streams } = report.data
  const audio = streams.find((stream) => stream.codec_type === 'audio')
  const video = streams.find((stream) => stream.codec_type === 'video' && !stream.disposition?.attached_pic)
  const durationSeconds = format.duration ?? Math.max(0, ...streams.map((stream) => stream.duration ?? 0))
  const sound = audio && readAudio(audio, format.bit_rate, streams.length)
  const picture = video && readVideo(video)
  if ((!sound && !picture) || durationSeconds <= 0) throw notMedia(name)
  if (format.format_name === 'flac') await refuseCutShort(path, durationSeconds, signal)
  return {
    formatName: format.format_name,
    durationSeconds,
    sizeBytes: file.size,
    audio: sound ?? null,
    video: picture ?? null,
    tags: readTags(format.tags, audio?.tags),
  }
}

/**
 * How many channels the first audio stream has; a few milliseconds.
 *
 * @throws InvalidInput when there is no audio that can be read
 */
export async function probeChannels(path: string, { signal }: { signal: AbortSignal }): Promise<number> {
  const answer = await ffprobe(path, ['-select_streams', 'a:0', '-show_entries', 'stream=channels'], signal)
  const channels = Channels.safeParse(answer).data?.streams[0]?.channels
  if (!channels) throw notMedia(basename(path))
  return channels
}

async function ffprobe(path: string, show: readonly string[], signal: AbortSignal): Promise<unknown> {
  const { ffprobePath } = await findFfmpeg()
  const { command, args } = leash(ffprobePath, [
    ...['-v', 'error', ...MAX_ALLOCATION, ...UNTRUSTED_INPUT, ...show, '-of', 'json'],
    ...['-i', fileUrl(path)],
  ])
  signal.throwIfAborted()
  try {
    const { stdout } = await run(command, args, {
      signal,
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      maxBuffer: 64 << 20,
      windowsHide: true,
    })
    return JSON.parse(stdout)
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof Error && 'killed' in cause && cause.killed) {
      throw new MediaFailed(`reading “${basename(path)}” took longer than the ${TIMEOUT_MS / 1_000} s allowed`, {
        cause,
      })
    }
    const stderr = cause instanceof Error && 'stderr' in cause ? String(cause.stderr) : ''
    const failure = ffmpegFailure(`reading “${basename(path)}”`, stderr.split('\n').filter(Boolean), [path], cause)
    throw new InvalidInput(failure.message, { cause, details: failure.details })
  }
}

async function refuseCutShort(path: string, durationSeconds: number, signal: AbortSignal): Promise<void> {
  const show = ['-select_streams', 'a:0', '-show_entries', 'packet=pts_time,duration_time']
  const { packets } = Packets.parse(await ffprobe(path, show, signal))
  const last = packets.at(-1)
  const endSeconds = (last?.pts_time ?? 0) + (last?.duration_time ?? 0)
  if (endSeconds >= durationSeconds - CUT_SHORT_SECONDS) return
  throw new InvalidInput(
    `“${basename(path)}” is cut short: it says ${durationSeconds.toFixed(1)} s, but the sound ends after ${endSeconds.toFixed(1)} s; send the whole file`,
  )
}

function readAudio(
  stream: z.output<typeof Stream>,
  formatBitRate: number | undefined,
  streams: number,
): ProbedAudio | undefined {
  const { codec_name: codec, sample_rate: sampleRateHz, channels } = stream
  if (!codec || !sampleRateHz || !channels) return undefined
  const bitRate = stream.bit_rate ?? (streams === 1 ? formatBitRate : undefined) ?? null
  return { codec, sampleRateHz, channels, bitRate }
}

function readVideo(stream: z.output<typeof Stream>): ProbedVideo | undefined {
  const { codec_name: codec, width, height } = stream
  if (!codec || !width || !height) return undefined
  const [numerator, denominator] = (stream.avg_frame_rate ?? '0/0').split('/').map(Number)
  const framesPerSecond = numerator && denominator ? numerator / denominator : null
  return { codec, width, height, framesPerSecond, pixelFormat: stream.pix_fmt ?? null }
}

/** Ogg keeps its tags in the stream, other containers in the format; writers differ in case, and ID3 calls the ISRC TSRC. */
function readTags(...sources: readonly (Readonly<Record<string, string>> | undefined)[]): Record<string, string> {
  const tags: Record<string, string> = {}
  for (const source of sources) {
    for (const [key, value] of Object.entries(source ?? {})) {
      const name = key.toLowerCase()
      if (value.trim() !== '') tags[name === 'tsrc' ? 'isrc' : name] ??= value.trim()
    }
  }
  return tags
}

function notMedia(name: string): InvalidInput {
  return new InvalidInput(
    `“${name}” is not audio or video in a known format, or it is damaged; send an MP3, WAV, FLAC, OGG, M4A or MP4 file`,
  )
}
