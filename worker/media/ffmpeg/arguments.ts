import { randomUUID } from 'node:crypto'
import { dirname, extname, join } from 'node:path'
import { fileUrl, UNTRUSTED_INPUT } from './leash.ts'

export interface InputArguments {
  readonly options: readonly string[]
  readonly source: string
}

export interface OutputArguments {
  readonly options: readonly string[]
  readonly target: string
  /** Where the finished file goes; null for pipes and `-f null -`. `target` is then a temporary name in the same folder. */
  readonly path: string | null
}

export interface ParsedArguments {
  readonly inputs: readonly InputArguments[]
  readonly outputs: readonly OutputArguments[]
}

/**
 * Splits ffmpeg's arguments into inputs and outputs and makes them safe: every input carries the whitelists for untrusted
 * files (inputs that name their format with `-f`, which we chose ourselves, only the one for protocols), local paths become
 * `file:` URLs, and output files get a temporary name beside their own.
 *
 * @param args as one would type them, without global options: `[options] -i input … [options] output …`
 * @param outputPaths the arguments that are outputs; the last argument is always one
 */
export function parseArguments(args: readonly string[], outputPaths: readonly string[]): ParsedArguments {
  const inputs: InputArguments[] = []
  const outputs: OutputArguments[] = []
  let options: string[] = []
  for (let index = 0; index < args.length; index++) {
    const argument = args[index]!
    if (argument === '-i' && index + 1 < args.length) {
      inputs.push(inputArguments(options, args[++index]!))
      options = []
    } else if (index === args.length - 1 || (inputs.length > 0 && outputPaths.includes(argument))) {
      outputs.push(outputArguments(options, argument))
      options = []
    } else {
      options.push(argument)
    }
  }
  return { inputs, outputs }
}

function inputArguments(options: readonly string[], source: string): InputArguments {
  const format = options.lastIndexOf('-f')
  if (format >= 0 && options[format + 1] === 'lavfi') return { options, source }
  const whitelists = format >= 0 ? UNTRUSTED_INPUT.slice(0, 2) : UNTRUSTED_INPUT
  return { options: [...whitelists, ...options], source: isPipe(source) ? source : fileUrl(source) }
}

function outputArguments(options: readonly string[], target: string): OutputArguments {
  if (isPipe(target)) return { options, target, path: null }
  const partial = join(dirname(target), `.${randomUUID()}.part${extname(target)}`)
  return { options, target: fileUrl(partial), path: target }
}

function isPipe(target: string): boolean {
  return target === '-' || /^pipe:[012]?$/.test(target)
}
