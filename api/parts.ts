import type { Pipeline } from '../worker/engine/define.ts'
import type { Builder } from './builder.ts'
import type { Enums } from './enums.ts'
import type { ErrorTypes } from './errors.ts'

/** What the file of every GraphQL type receives to add its part to the schema. */
export interface SchemaParts {
  readonly builder: Builder
  readonly pipelines: readonly Pipeline[]
  readonly enums: Enums
  readonly errors: ErrorTypes
}
