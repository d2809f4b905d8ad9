import type { GraphQLSchema } from 'graphql'
import type { Pipeline } from '../worker/engine/define.ts'
import { createBuilder } from './builder.ts'
import { defineEnums } from './enums.ts'
import { defineErrors } from './errors.ts'
import { defineScalars } from './scalars.ts'
import { types } from './types/index.ts'

/** The whole schema: subjects' types by hand, stages, mutations and subscriptions derived from the pipelines. */
export function createSchema(pipelines: readonly Pipeline[]): GraphQLSchema {
  const builder = createBuilder()
  builder.queryType({ description: 'What there is: tracks, their tasks and files, and the state of the work.' })
  builder.mutationType({ description: 'What can be asked for. The work itself happens in workers.' })
  builder.subscriptionType({ description: 'What changes, as it changes: the present state first, then every change.' })
  defineScalars(builder)
  const parts = { builder, pipelines, enums: defineEnums(builder, pipelines), errors: defineErrors(builder) }
  for (const define of types) define(parts)
  return builder.toSchema({ sortSchema: true })
}
