import { rename, rm } from 'node:fs/promises'
import { basename } from 'node:path'
import { PassThrough } from 'node:stream'
import fluent from 'fluent-ffmpeg'
import { MediaFailed } from '../../errors.ts'
import type { OnProgress } from '../../progress.ts'
import { type ParsedArguments, parseArguments } from './arguments.ts'
import { ffmpegFailure } from './failure.ts'
import { feedAll } from './feed.ts'
import { findFfmpeg } from './find.ts'
import { leash, MAX_ALLOCATION } from './leash.ts'

export interface RunOptions {
  readonly signal: AbortSignal
  readonly onProgress?: OnProgress | undefined
  /** Length of the output, for the progress fraction. Without it progress is only reported at the end. */
  readonly durationSeconds?: number | undefined
  /** After this ffmpeg is killed and the run fails; half an hour if not given. */
  readonly timeoutSeconds?: number | undefined
  /** Which arguments are output files, when there are more than the last one. */
  readonly outputPaths?: readonly string[] | undefined
  /** Bytes for `pipe:0`, taken no faster than ffmpeg reads. */
  readonly stdin?: AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined
  /** From `openPipe`: gets the bytes of `pipe:1`, and ends after the last. ffmpeg waits while nobody reads. */
  readonly stdout?: PassThrough | undefined
}

const DEFAULT_TIMEOUT_SECONDS = 1_800
const KILL_GRACE_MS = 2_000
const LOG_LINES = 200
const PIPE_BYTES = 1 << 20
const GLOBAL_OPTIONS: readonly string[] = [
  ...['-hide_banner', '-nostdin', '-loglevel', 'warning', '-nostats', '-progress', 'pipe:2'],
  ...MAX_ALLOCATION,
]
const PROGRESS_LINE =
  /^(frame|fps|stream_\w+|bitrate|total_size|out_time|out_time_[mu]s|dup_frames|drop_frames|speed|progress)=/

/** A stream for `RunOptions.stdout`. It never closes by itself: fluent-ffmpeg would take that for the reader's loss of interest. */
export function openPipe(): PassThrough {
  return new PassThrough({ emitClose: false, autoDestroy: false, highWaterMark: PIPE_BYTES })
}

/**
 * Runs ffmpeg on a leash: known containers and local files only, capped memory, a time limit, and killed (SIGTERM, then
 * SIGKILL) when the signal aborts; the promise settles only after the process has ended. Output files appear whole or not
 * at all: they are written under a temporary name and renamed on success.
 *
 * @param args without a shell, one string per argument: `['-i', 'in.wav', '-c:a', 'flac', 'out.flac']`. Global options and
 * the safety of inputs are added here; an input with its own `-f` (raw samples, lavfi) is trusted to be of that format
 * @returns the last 200 lines that ffmpeg logged (add `-loglevel info` to read a filter's report)
 * @throws MediaFailed when ffmpeg fails or takes too long; `signal.reason` after an abort; what `stdin` threw
 */
export async function runFfmpeg(args: readonly string[], options: RunOptions): Promise<readonly string[]> {
  options.signal.throwIfAborted()
  const { ffmpegPath } = await findFfmpeg()
  const parsed = parseArguments(args, options.outputPaths ?? [])
  try {
    const log = await runCommand(ffmpegPath, parsed, options)
    for (const output of parsed.outputs) if (output.path) await rename(localPath(output.target), output.path)
    options.onProgress?.(1)
    return log
  } catch (error) {
    options.stdout?.end()
    for (const output of parsed.outputs) if (output.path) await rm(localPath(output.target), { force: true })
    throw error
  }
}

async function runCommand(ffmpegPath: string, parsed: ParsedArguments, options: RunOptions): Promise<string[]> {
  const { signal, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = options
  signal.throwIfAborted()
  const log: string[] = []
  const readLine = lineReader(log, options)
  const feed = options.stdin && new PassThrough()
  const command = buildCommand(ffmpegPath, parsed, feed, options.stdout)
  const ended = new AbortController()
  let isRunning = false
  let stopped: { reason: unknown } | undefined
  let killer: NodeJS.Timeout | undefined

  const stop = (reason: unknown) => {
    stopped ??= { reason }
    if (!isRunning) return
    command.kill('SIGTERM')
    killer ??= setTimeout(() => command.kill('SIGKILL'), KILL_GRACE_MS)
  }
  const onAbort = () => stop(signal.reason)
  const timer = setTimeout(
    () => stop(new MediaFailed(`${workOf(parsed)} took longer than the ${timeoutSeconds} s allowed`)),
    timeoutSeconds * 1_000,
  )
  signal.addEventListener('abort', onAbort, { once: true })

  try {
    const finished = new Promise<void>((resolve, reject) => {
      command
        .on('start', () => {
          isRunning = true
          if (stopped) stop(stopped.reason)
        })
        .on('stderr', readLine)
        .on('end', () => resolve())
        .on('error', (cause) => reject(ffmpegFailure(workOf(parsed), log, pathsOf(parsed), cause)))
      command.run()
    }).finally(() => ended.abort())
    const fed = feed && options.stdin ? feedAll(options.stdin, feed, ended.signal).catch(stop) : undefined
    await Promise.allSettled([finished, fed])
    if (stopped) throw stopped.reason
    await finished
    return log
  } finally {
    clearTimeout(timer)
    clearTimeout(killer)
    signal.removeEventListener('abort', onAbort)
  }
}

/** fluent-ffmpeg starts the shell that sets the limits; the shell then becomes ffmpeg. */
function buildCommand(
  ffmpegPath: string,
  { inputs, outputs }: ParsedArguments,
  stdin: PassThrough | undefined,
  stdout: PassThrough | undefined,
): fluent.FfmpegCommand {
  const leashed = leash(ffmpegPath, GLOBAL_OPTIONS)
  const command = fluent({ stdoutLines: LOG_LINES }).setFfmpegPath(leashed.command)
  // Left alone, it would ask its "ffmpeg", here the shell, which formats there are. ffmpeg itself says what it lacks.
  const format: fluent.Format = { description: '', canDemux: true, canMux: true }
  const named = [...inputs, ...outputs].flatMap(({ options }) => options.filter((_, at) => options[at - 1] === '-f'))
  const formats = Object.fromEntries(named.map((name) => [name, format]))
  command.availableFormats = (callback) => callback(NO_ERROR, formats)
  command.availableEncoders = (callback) => callback(NO_ERROR, {})
  inputs.forEach(({ source, options }, index) => {
    command.input(stdin && /^(-|pipe:0?)$/.test(source) ? stdin : source)
    command.inputOptions(...(index === 0 ? leashed.args : []), ...options)
  })
  for (const { target, options } of outputs) {
    command.output(stdout && /^(-|pipe:1?)$/.test(target) ? stdout : target)
    if (options.length > 0) command.outputOptions(...options)
  }
  return command
}

// @types/fluent-ffmpeg leaves out that a Node callback's error is null when all is well.
const NO_ERROR = null as unknown as Error

function lineReader(log: string[], { onProgress, durationSeconds }: RunOptions): (line: string) => void {
  let furthest = 0
  return (line) => {
    const outTime = /^out_time_[mu]s=(\d+)$/.exec(line) // microseconds under both names
    if (outTime && onProgress && durationSeconds) {
      const fraction = Math.min(Number(outTime[1]) / 1e6 / durationSeconds, 1)
      if (fraction > furthest) onProgress((furthest = fraction))
    }
    if (line.trim() === '' || PROGRESS_LINE.test(line)) return
    log.push(line)
    if (log.length > LOG_LINES) log.shift()
  }
}

function workOf({ inputs, outputs }: ParsedArguments): string {
  const output = outputs.find(({ path }) => path !== null)
  return output?.path ? `writing “${basename(output.path)}”` : `reading “${basename(inputs[0]?.source ?? '')}”`
}

function pathsOf({ inputs, outputs }: ParsedArguments): string[] {
  return [...inputs.map(({ source }) => localPath(source)), ...outputs.map(({ target }) => localPath(target))]
}

function localPath(url: string): string {
  return url.replace(/^file:/, '')
}
