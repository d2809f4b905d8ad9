import type { LogLevel } from '../../../worker/log.ts'
import { MappingFailed } from '../failure.ts'
import type { HostFunctions } from '../instance.ts'
import type { HostSurroundings } from '../running.ts'
import { readContext, writeContext } from '../store-values.ts'
import { parseAddress } from './conversions.ts'

/** By the number that graph-ts gives: critical, error, warning, info, debug. */
const LEVELS: readonly Exclude<LogLevel, 'silent'>[] = ['error', 'error', 'warn', 'info', 'debug']
const CRITICAL = 0

/** `dataSource.*`, `log.log` and `abort`. */
export function sourceFunctions({ running, heap: heapOf, templates, network }: HostSurroundings): HostFunctions {
  const create = (namePointer: number, parametersPointer: number, contextPointer: number | null): void => {
    const heap = heapOf()
    const { created } = running()
    const name = heap.string(namePointer)
    const template = templates.get(name)
    if (!template) throw new MappingFailed(`the manifest has no template ${name}`)
    const [address] = heap.pointers(parametersPointer)
    if (address === undefined) throw new MappingFailed(`template ${name} was created without an address`)
    const context = contextPointer === null ? null : readContext(heap, contextPointer)
    created.push({ template, address: parseAddress(heap.string(address)), context })
  }
  return {
    'dataSource.create': (name, parameters) => create(name, parameters, null),
    'dataSource.createWithContext': create,
    'dataSource.address': () => heapOf().writeHex(running().source.address),
    'dataSource.network': () => heapOf().writeString(network),
    'dataSource.context': () => writeContext(heapOf(), running().source.context),
    'log.log'(level, pointer) {
      const message = heapOf().string(pointer)
      if (level === CRITICAL) throw new MappingFailed(`it logged a critical error: ${message}`)
      running().lines.push({ level: LEVELS[level] ?? 'debug', message })
    },
    abort(messagePointer, filePointer, line, column) {
      const heap = heapOf()
      const file = heap.optionalString(filePointer)
      const place = file ? ` at ${file}${line ? `, line ${line}${column ? `, column ${column}` : ''}` : ''}` : ''
      throw new MappingFailed(`it aborted${place}: ${heap.optionalString(messagePointer) ?? 'without a message'}`)
    },
  }
}
