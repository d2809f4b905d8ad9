import { GraphQLError } from 'graphql'
import type { Builder } from './builder.ts'

/** The scalars that GraphQL does not bring. */
export function defineScalars(builder: Builder): void {
  builder.scalarType('DateTime', {
    description: 'An instant, ISO 8601 in UTC: `2026-01-31T09:30:00.000Z`.',
    serialize: (value) => value.toISOString(),
    parseValue: (value) => {
      const date = new Date(typeof value === 'string' ? value : Number.NaN)
      if (Number.isNaN(date.getTime())) throw new GraphQLError('expected an instant like 2026-01-31T09:30:00Z')
      return date
    },
  })
  builder.scalarType('JSON', {
    description: 'Any JSON value.',
    serialize: (value) => value,
    parseValue: (value) => value,
  })
  builder.scalarType('SafeInt', {
    description: 'A whole number up to 2^53 - 1: sizes in bytes and positions in an event log outgrow `Int`.',
    serialize: (value) => value,
    parseValue: (value) => {
      if (!Number.isSafeInteger(value)) throw new GraphQLError('expected a whole number below 2^53')
      return Number(value)
    },
  })
}
