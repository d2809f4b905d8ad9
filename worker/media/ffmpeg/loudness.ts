import { MediaFailed } from '../../errors.ts'
import { runFfmpeg } from './run.ts'

/** Each is null where it has no value: silence has no loudness. */
export interface Loudness {
  readonly integratedLufs: number | null
  readonly truePeakDbtp: number | null
  readonly loudnessRangeLu: number | null
}

/** What the meter shows when everything is below its gate. */
const GATE_LUFS = -70

/**
 * Loudness of a whole file by EBU R 128, to 0.1.
 *
 * @throws MediaFailed when the file cannot be decoded; `signal.reason` after an abort
 * @see EBU R 128, 2020, https://tech.ebu.ch/docs/r/r128.pdf; ITU-R BS.1770-4 for the true peak
 */
export async function measureLoudness(path: string, { signal }: { signal: AbortSignal }): Promise<Loudness> {
  const log = await runFfmpeg(loudnessArguments(path), { signal })
  return parseLoudness(log)
}

export function loudnessArguments(path: string): string[] {
  return [
    ...['-i', path, '-loglevel', 'info', '-map', '0:a:0', '-vn', '-sn', '-dn'],
    ...['-af', 'ebur128=peak=true:framelog=verbose', '-f', 'null', '-'],
  ]
}

/** Reads the summary that the `ebur128` filter logs at its end. */
export function parseLoudness(log: readonly string[]): Loudness {
  const summary = log.slice(log.findLastIndex((line) => /\] Summary:/.test(line))).join('\n')
  const integrated = /\bI:\s+(-?[\d.]+|-?inf|nan) LUFS/.exec(summary)?.[1]
  const peak = /\bPeak:\s+(-?[\d.]+|-?inf|nan) dBFS/.exec(summary)?.[1]
  const range = /\bLRA:\s+(-?[\d.]+|-?inf|nan) LU\b/.exec(summary)?.[1]
  if (!integrated || !range) throw new MediaFailed('measuring loudness failed: ffmpeg gave no summary')
  const integratedLufs = finite(integrated)
  if (integratedLufs === null || integratedLufs <= GATE_LUFS) {
    return { integratedLufs: null, truePeakDbtp: finite(peak), loudnessRangeLu: null }
  }
  return { integratedLufs, truePeakDbtp: finite(peak), loudnessRangeLu: finite(range) }
}

function finite(text: string | undefined): number | null {
  const value = Number(text)
  return Number.isFinite(value) ? value : null
}
