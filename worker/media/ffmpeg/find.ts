import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, chmod } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { InvalidInput, MediaFailed } from '../../errors.ts'

/** An ffmpeg and an ffprobe that were started once and can do everything this product asks of them. */
export interface Ffmpeg {
  readonly ffmpegPath: string
  readonly ffprobePath: string
  /** As ffmpeg prints it: `7.1`, `5.1.9-0+deb12u1`, `N-47683-g0e8eb07980-static`. */
  readonly version: string
  /** Where it came from: `FFMPEG_PATH`, the `PATH`, or the npm package. */
  readonly source: 'configured' | 'system' | 'bundled'
  /** True for builds older than ffmpeg 5 (the npm build is of 2018): they work, but a current ffmpeg is faster and safer. */
  readonly isLegacy: boolean
  readonly filters: ReadonlySet<string>
  readonly encoders: ReadonlySet<string>
}

type Environment = Readonly<Record<string, string | undefined>>
type Capabilities = Pick<Ffmpeg, 'version' | 'isLegacy' | 'filters' | 'encoders'>

const REQUIRED_FILTERS =
  'adelay afade alimiter amix apad aresample ass atrim color concat ebur128 format loop loudnorm pan scale setpts split'.split(
    ' ',
  )
const REQUIRED_ENCODERS = 'aac flac libmp3lame libx264 pcm_s16le'.split(' ')
/** libavutil of ffmpeg 5.0. The version text of builds from git (`N-47683-…`) has no number to compare. */
const CURRENT_LIBAVUTIL = 57
const PROBE_TIMEOUT_MS = 20_000

const run = promisify(execFile)
let found: Promise<Ffmpeg> | undefined

/**
 * The ffmpeg to use, looked for once per process: `FFMPEG_PATH`/`FFPROBE_PATH`, then the `PATH` if that ffmpeg is 5.0 or
 * newer and has the needed filters and encoders, then the npm packages.
 *
 * @throws InvalidInput when a configured path does not work; MediaFailed when there is no usable ffmpeg at all
 */
export function findFfmpeg(): Promise<Ffmpeg> {
  found ??= locateFfmpeg(process.env).catch((error: unknown) => {
    found = undefined
    throw error
  })
  return found
}

/** What `findFfmpeg` does, for a given environment and without remembering. */
export async function locateFfmpeg(environment: Environment): Promise<Ffmpeg> {
  const configured = environment.FFMPEG_PATH?.trim()
  if (configured) return configuredFfmpeg(configured, environment)
  const system = await systemFfmpeg(environment)
  if (system) return system
  const ffmpegPath = await bundledBinary('ffmpeg')
  if (!ffmpegPath) {
    throw new MediaFailed(
      `no ffmpeg: expected ffmpeg 5 or newer with the filters and encoders needed (${REQUIRED_ENCODERS.join(', ')} …) on the PATH, ` +
        `or the npm package @ffmpeg-installer/${process.platform}-${process.arch}; install one, or set FFMPEG_PATH`,
    )
  }
  const capabilities = await capabilitiesOf(ffmpegPath)
  return { ...capabilities, source: 'bundled', ffmpegPath, ffprobePath: await findFfprobe(environment, undefined) }
}

async function configuredFfmpeg(ffmpegPath: string, environment: Environment): Promise<Ffmpeg> {
  const capabilities = await capabilitiesOf(ffmpegPath).catch((cause: unknown) => {
    throw new InvalidInput(
      `FFMPEG_PATH: expected a working ffmpeg, but ${reason(cause)}; correct it, or leave it empty`,
      {
        cause,
      },
    )
  })
  const lacking = lacks(capabilities)
  if (lacking.length > 0) {
    throw new InvalidInput(
      `FFMPEG_PATH: this ffmpeg (${capabilities.version}) lacks ${lacking.join(', ')}; use a fuller build`,
    )
  }
  return {
    ...capabilities,
    source: 'configured',
    ffmpegPath,
    ffprobePath: await findFfprobe(environment, dirname(ffmpegPath)),
  }
}

async function systemFfmpeg(environment: Environment): Promise<Ffmpeg | null> {
  const ffmpegPath = await onPath('ffmpeg', environment)
  if (!ffmpegPath) return null
  const capabilities = await capabilitiesOf(ffmpegPath).catch(() => null)
  if (!capabilities || capabilities.isLegacy || lacks(capabilities).length > 0) return null
  return {
    ...capabilities,
    source: 'system',
    ffmpegPath,
    ffprobePath: await findFfprobe(environment, dirname(ffmpegPath)),
  }
}

/** `FFPROBE_PATH`, else the ffprobe beside the chosen ffmpeg, else the one on the `PATH`, else npm's. */
async function findFfprobe(environment: Environment, besideFolder: string | undefined): Promise<string> {
  const configured = environment.FFPROBE_PATH?.trim()
  if (configured) {
    await output(configured, ['-version']).catch((cause: unknown) => {
      throw new InvalidInput(
        `FFPROBE_PATH: expected a working ffprobe, but ${reason(cause)}; correct it, or leave it empty`,
        {
          cause,
        },
      )
    })
    return configured
  }
  const beside = besideFolder && join(besideFolder, executable('ffprobe'))
  if (beside && (await canRun(beside))) return beside
  const found = (besideFolder ? await onPath('ffprobe', environment) : null) ?? (await bundledBinary('ffprobe'))
  if (found) return found
  throw new MediaFailed(
    `no ffprobe: expected one beside ffmpeg, or the npm package @ffprobe-installer/${process.platform}-${process.arch}; ` +
      'install one, or set FFPROBE_PATH',
  )
}

async function capabilitiesOf(ffmpegPath: string): Promise<Capabilities> {
  const [about, filters, encoders] = await Promise.all([
    output(ffmpegPath, ['-version']),
    output(ffmpegPath, ['-hide_banner', '-filters']),
    output(ffmpegPath, ['-hide_banner', '-encoders']),
  ])
  const version = /^ffmpeg version (\S+)/m.exec(about)?.[1]
  const libavutil = /^libavutil\s+(\d+)\./m.exec(about)?.[1]
  if (!version || !libavutil) throw new MediaFailed('it does not say an ffmpeg version')
  return {
    version,
    isLegacy: Number(libavutil) < CURRENT_LIBAVUTIL,
    filters: new Set(Array.from(filters.matchAll(/^ [.A-Z|]{2,3} +(\S+) +\S+->\S+/gm), (match) => match[1]!)),
    encoders: new Set(Array.from(encoders.matchAll(/^ [VAS][.A-Z]{5} (\S+)/gm), (match) => match[1]!)),
  }
}

function lacks(capabilities: Capabilities): string[] {
  return [
    ...REQUIRED_FILTERS.filter((name) => !capabilities.filters.has(name)).map((name) => `filter ${name}`),
    ...REQUIRED_ENCODERS.filter((name) => !capabilities.encoders.has(name)).map((name) => `encoder ${name}`),
  ]
}

async function onPath(name: string, environment: Environment): Promise<string | null> {
  for (const folder of (environment.PATH ?? '').split(delimiter)) {
    const path = join(folder, executable(name))
    if (folder !== '' && (await canRun(path))) return path
  }
  return null
}

/** The binary inside `@ffmpeg-installer/<platform>` or `@ffprobe-installer/<platform>`, or null when it is not installed. */
async function bundledBinary(name: 'ffmpeg' | 'ffprobe'): Promise<string | null> {
  const require = createRequire(import.meta.url)
  let path: string
  try {
    const manifest = require.resolve(`@${name}-installer/${process.platform}-${process.arch}/package.json`)
    path = join(dirname(manifest), executable(name))
  } catch {
    return null
  }
  // The packages set the run bit in an install script, which npm may have been told to skip.
  if (!(await canRun(path))) await chmod(path, 0o755)
  return path
}

async function output(path: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run(path, args, { timeout: PROBE_TIMEOUT_MS, maxBuffer: 8 << 20, windowsHide: true })
  return stdout
}

function canRun(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

function executable(name: string): string {
  return process.platform === 'win32' ? `${name}.exe` : name
}

function reason(cause: unknown): string {
  if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return 'there is no such file'
  if (cause instanceof Error && 'code' in cause && cause.code === 'EACCES') return 'it may not be run'
  if (cause instanceof MediaFailed) return cause.message
  return 'it could not be started'
}
