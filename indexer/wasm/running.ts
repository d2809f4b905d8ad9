import type { LogLevel } from '../../worker/log.ts'
import type { Source, SourceDefinition } from '../sources.ts'
import type { EntitySchema } from '../store/schema.ts'
import type { BlockState } from '../store/state.ts'
import type { Call, CallAnswer } from './calls.ts'
import type { Heap } from './heap.ts'
import type { Context } from './store-values.ts'

/** What the host functions work on while one handler runs. */
export interface Running {
  readonly source: Source
  readonly block: { readonly number: number; readonly hash: string }
  readonly state: BlockState
  /** Data sources that this handler has created so far. */
  readonly created: CreatedSource[]
  /** What it has logged so far: a handler that is run again says it only once. */
  readonly lines: LogLine[]
}

export interface LogLine {
  readonly level: Exclude<LogLevel, 'silent'>
  readonly message: string
}

export interface CreatedSource {
  readonly template: SourceDefinition
  /** In lower case. */
  readonly address: string
  readonly context: Context | null
}

/** What stays the same for all handlers of a deployment. */
export interface HostSurroundings {
  readonly schema: EntitySchema
  readonly templates: ReadonlyMap<string, SourceDefinition>
  /** The network's name in the manifest. */
  readonly network: string
  /** The answer to a question to the chain, or undefined when it must be asked first. */
  readonly answerOf: (call: Call) => CallAnswer | undefined
  /** The memory of the instance that runs. */
  readonly heap: () => Heap
  /** Who runs now. */
  readonly running: () => Running
}
