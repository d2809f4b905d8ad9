import { createComplexityRule } from '@pothos/plugin-complexity'
import {
  type DocumentNode,
  type ExecutionArgs,
  GraphQLError,
  Kind,
  parse,
  type SelectionSetNode,
  validate,
  visit,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'

/** What one operation may ask for. The cost counts fields, those below a list as often as the list is long. */
export const LIMITS = { tokens: 2_000, depth: 12, aliases: 15, rootFields: 20, breadth: 400, cost: 20_000 } as const

/** Refuses operations that ask for too much, alike over GET, POST, SSE and WebSocket. */
export function useLimits(): Plugin {
  return {
    onParse({ setParseFn }) {
      setParseFn((source: string, options?: object) => parse(source, { ...options, maxTokens: LIMITS.tokens }))
    },
    onExecute({ args, setResultAndStopExecution }) {
      const errors = findExcess(args)
      if (errors.length > 0) setResultAndStopExecution({ errors })
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const errors = findExcess(args)
      if (errors.length > 0) setResultAndStopExecution({ errors })
    },
  }
}

function findExcess({
  schema,
  document,
  operationName,
  variableValues,
  contextValue,
}: ExecutionArgs): readonly GraphQLError[] {
  const aliases = countAliases(document)
  if (aliases > LIMITS.aliases) return [tooMuch('aliases', aliases, LIMITS.aliases)]
  const rootFields = countRootFields(document, operationName)
  if (rootFields > LIMITS.rootFields) return [tooMuch('root fields', rootFields, LIMITS.rootFields)]
  const cost = createComplexityRule({
    context: typeof contextValue === 'object' && contextValue !== null ? contextValue : {},
    variableValues: { ...variableValues },
    operationName: operationName ?? null,
    validate: ({ depth, breadth, complexity }, report) => {
      if (depth > LIMITS.depth) report(tooMuch('levels', depth, LIMITS.depth))
      else if (breadth > LIMITS.breadth) report(tooMuch('fields', breadth, LIMITS.breadth))
      else if (complexity > LIMITS.cost) report(tooMuch('cost', complexity, LIMITS.cost))
    },
  })
  return validate(schema, document, [cost])
}

function tooMuch(what: string, came: number, limit: number): GraphQLError {
  return new GraphQLError(`The operation asks for too much: ${what} ${came}, at most ${limit}. Split it.`, {
    extensions: { code: 'TOO_COSTLY', http: { status: 400 } },
  })
}

function countAliases(document: DocumentNode): number {
  let aliases = 0
  visit(document, {
    Field(node) {
      if (node.alias) aliases++
    },
  })
  return aliases
}

/** Root fields of the operation that runs, those in fragments included. Fragments cannot be cyclic: validation came first. */
function countRootFields(document: DocumentNode, operationName: string | null | undefined): number {
  const fragments = new Map<string, SelectionSetNode>()
  const counts = new Map<SelectionSetNode, number>()
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition.selectionSet)
  }
  const count = (selectionSet: SelectionSetNode | undefined): number => {
    if (!selectionSet) return 0
    const known = counts.get(selectionSet)
    if (known !== undefined) return known
    let fields = 0
    for (const selection of selectionSet.selections) {
      if (selection.kind === Kind.FIELD) fields++
      else if (selection.kind === Kind.INLINE_FRAGMENT) fields += count(selection.selectionSet)
      else fields += count(fragments.get(selection.name.value))
    }
    counts.set(selectionSet, fields)
    return fields
  }
  const operation = document.definitions.find(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION && (!operationName || definition.name?.value === operationName),
  )
  return operation?.kind === Kind.OPERATION_DEFINITION ? count(operation.selectionSet) : 0
}
