import { basename } from 'node:path'
import { MediaFailed } from '../../errors.ts'

/** What ffmpeg says, and what a person can do about it. The first match wins. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/No space left on device/i, 'the disk is full'],
  [/Cannot allocate memory|bad_alloc|out of memory/i, 'it needs more memory than one file may take'],
  [
    /not on whitelist/i,
    'the file is a playlist or of a kind that is not accepted; send an MP3, WAV, FLAC, OGG, M4A or MP4 file',
  ],
  [/moov atom not found/i, 'the file is cut short or damaged (its index is missing)'],
  [/matches no streams|does not contain any stream/i, 'the file has no audio or video of the kind needed'],
  [/No such file or directory/i, 'the file does not exist'],
  [/Permission denied/i, 'the file may not be read or written'],
  [
    /Invalid data found|Failed to read frame size|could not find codec parameters|Header missing|End of file/i,
    'the file is not audio or video in a known format, or it is damaged',
  ],
]

/**
 * The error for an ffmpeg or ffprobe that ended badly. Paths are cut to their base names and credentials in URLs removed.
 *
 * @param work what was being done, for people: `reading “song.mp3”`
 * @param log the last lines of stderr, oldest first
 * @param paths files that were named on the command line
 */
export function ffmpegFailure(
  work: string,
  log: readonly string[],
  paths: readonly string[],
  cause?: unknown,
): MediaFailed {
  const tail = log.slice(-20).map((line) => redact(line, paths))
  const text = tail.join('\n')
  const known = REASONS.find(([pattern]) => pattern.test(text))?.[1]
  const reason = known ?? tail.at(-1) ?? 'ffmpeg ended without a word'
  const isDiskFull = known === REASONS[0]![1]
  return new MediaFailed(`${work} failed: ${reason}`, { cause, retryable: isDiskFull, details: { log: tail } })
}

/** The line without folders and without credentials. */
export function redact(line: string, paths: readonly string[]): string {
  let out = line
  for (const path of paths) if (path !== '') out = out.replaceAll(path, basename(path))
  return out
    .replace(/\/\/[^/@\s]+@/g, '//')
    .replace(/(^|[\s'"(=:])(?:\/[^\s'":/]+)+\/([^\s'":/]+)/g, '$1$2')
    .slice(0, 400)
}
