import { AppError, Blocked, BudgetExceeded, Conflict, InvalidInput, NotFound } from '../worker/errors.ts'
import type { Builder, SchemaTypes } from './builder.ts'

export type ErrorTypes = ReturnType<typeof defineErrors>

/** What every mutation may answer instead of its result. Anything that is none of these is masked. */
export function defineErrors(builder: Builder) {
  const errorInterface = builder.interfaceRef<AppError>('Error').implement({
    description: 'Why a request was not carried out, in words and as a code.',
    fields: (t) => ({
      message: t.exposeString('message', { description: 'What was expected, what came, what to do.' }),
      code: t.exposeString('kind', { description: 'A code for programs, such as `CONFLICT`.' }),
    }),
  })
  const interfaces = [errorInterface]
  builder.objectType(InvalidInput, {
    name: 'InvalidInputError',
    description: 'The request can never work as it is.',
    interfaces,
    fields: (t) => ({
      field: t.string({
        nullable: true,
        description: 'The input at fault, as a path; null when it is not a single one.',
        resolve: ({ details }) => (typeof details.field === 'string' ? details.field : null),
      }),
    }),
  })
  builder.objectType(NotFound, { name: 'NotFoundError', description: 'There is no such thing.', interfaces })
  builder.objectType(Conflict, {
    name: 'ConflictError',
    description: 'The thing exists already, or has moved on since the caller looked.',
    interfaces,
    fields: (t) => ({
      existingId: t.id({
        nullable: true,
        description: 'The global id of what exists already; null when the conflict is another one.',
        resolve: ({ details }) => (typeof details.existingId === 'string' ? details.existingId : null),
      }),
    }),
  })
  builder.objectType(Blocked, {
    name: 'BlockedError',
    description: 'A condition is not met yet.',
    interfaces,
    fields: (t) => ({ reason: t.exposeString('message', { description: 'The unmet condition.' }) }),
  })
  builder.objectType(BudgetExceeded, {
    name: 'BudgetExceededError',
    description: 'The budget does not cover it.',
    interfaces,
  })
  builder.objectType(AppError, {
    name: 'ProviderError',
    description: 'An outside service refused, or did not answer.',
    interfaces,
    fields: (t) => ({
      isRetryable: t.exposeBoolean('retryable', { description: 'Whether the same request may work later.' }),
    }),
  })
  return {
    /** A result type: the object when all went well, else one of the errors. */
    resultOf: <Name extends keyof SchemaTypes['Objects']>(type: Name, name = `${type}Result`) =>
      builder.errorUnion(name, {
        description: `A ${type}, or why there is none.`,
        types: [type, InvalidInput, NotFound, Conflict, Blocked, BudgetExceeded, AppError],
        resolveType: () => type,
      }),
  }
}
