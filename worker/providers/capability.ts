import { z } from 'zod'
import type { Chains } from '../chain/contract.ts'
import type { Download } from '../net/download.ts'
import type { Http } from '../net/http.ts'
import type { Vault } from '../vault/contract.ts'

/** A process's environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>

/** What a provider may use to reach the outside. `http` speaks under the provider's name. */
export interface ProviderDeps {
  /** For the service's own addresses, which come from configuration. */
  readonly http: Http
  /** For addresses that came in an answer. */
  readonly download: Download
  /** The configured chains. @throws Blocked when no chain is configured */
  chains(): Chains
  /** Where keys are kept, encrypted at rest. @throws Blocked in a process that opened none */
  vault(): Vault
}

/** One environment variable, for people. */
export interface VariableDocumentation {
  readonly name: string
  /** The value taken when unset; null when it is required, or optional without one. */
  readonly fallback: string | null
  readonly isRequired: boolean
  readonly description: string
  readonly isSecret: boolean
}

type Parsed<T> =
  | { readonly ok: true; create(deps: ProviderDeps): T }
  | { readonly ok: false; readonly issues: readonly string[] }

/** One way of meeting a capability whose contract is `T`. */
export interface Provider<T> {
  readonly name: string
  readonly variables: readonly VariableDocumentation[]
  /** Checks the provider's own variables. Every issue names its variable; values never occur in it. */
  parse(environment: Environment): Parsed<T>
}

/** What the environment chooses from: a capability, or a set of sources. */
export interface Choosable<T> {
  readonly name: string
  /** `ALIGNMENT_PROVIDER`, `METADATA_SOURCES` and the like. */
  readonly variable: string
  /** Every variable that matters to the choice, the choice itself first. */
  readonly documentation: readonly (VariableDocumentation & {
    /** Whose variable it is; null for the choice itself. */
    readonly provider: string | null
  })[]
  /**
   * Reads what is wanted and checks the variables of that, all at once. Variables of the others are not looked at. Nothing is
   * opened or called until `create`.
   */
  choose(environment: Environment): Choice<T>
}

/** Something needed from outside, and the ways of meeting it. Exactly one is chosen, `embedded` when nothing is said. */
export interface Capability<T> extends Choosable<T> {
  readonly providers: readonly Provider<T>[]
}

/** Places to ask, of which any number may be chosen: none when nothing is said. Chosen ones stand under their names. */
export interface Sources<T> extends Choosable<ReadonlyMap<string, T>> {
  /** The names of all that may be chosen. */
  readonly sources: readonly string[]
}

export type Choice<T> =
  | { readonly ok: true; readonly provider: string; create(deps: ProviderDeps): T }
  | { readonly ok: false; readonly issues: readonly string[] }

/**
 * Declares a provider.
 *
 * @param environment its variables as a zod object. `.meta({ description, isSecret })` comes last on each: it makes the
 * configuration table and keeps secrets out of messages
 * @example
 * export const genius = defineProvider({
 *   name: 'genius',
 *   environment: z.object({ GENIUS_API_TOKEN: z.string().meta({ description: 'access token', isSecret: true }) }),
 *   create: (environment, { http }): Lyrics => ({ … }),
 * })
 */
export function defineProvider<T, Shape extends z.ZodRawShape>(definition: {
  readonly name: string
  readonly environment: z.ZodObject<Shape>
  create(environment: z.output<z.ZodObject<Shape>>, deps: ProviderDeps): T
}): Provider<T> {
  const { name, environment: schema } = definition
  const variables = Object.entries(schema.shape).map(([variable, field]) => document(variable, field as z.ZodType))
  return {
    name,
    variables,
    parse(environment) {
      const given = Object.fromEntries(variables.map(({ name }) => [name, environment[name] || undefined]))
      const parsed = schema.safeParse(given)
      if (parsed.success) {
        const { data } = parsed
        return { ok: true, create: (deps) => definition.create(data, { ...deps, http: deps.http.as(name) }) }
      }
      return { ok: false, issues: issuesOf(parsed.error, variables, given) }
    },
  }
}

/** Wraps an embedded implementation, which needs neither variables nor the outside. */
export function embeddedProvider<T>(implementation: T): Provider<T> {
  return { name: 'embedded', variables: [], parse: () => ({ ok: true, create: () => implementation }) }
}

/** For providers that keep something between attempts; the same variable that the rest of Refrain reads. */
export const dataFolderVariable = z
  .string()
  .default('.refrain')
  .meta({ description: 'folder of artifacts, work files and the embedded database' })

/** Declares a capability as the list of its providers. `embedded` is among them and is what an unset choice means. */
export function defineCapability<T>(name: string, providers: readonly Provider<T>[]): Capability<T> {
  const variable = `${name.toUpperCase().replaceAll('-', '_')}_PROVIDER`
  const names = providers.map((provider) => provider.name)
  if (!names.includes('embedded')) throw new Error(`the capability ${name} has no embedded provider`)
  if (new Set(names).size < names.length) throw new Error(`the capability ${name} has two providers of one name`)
  const choice: VariableDocumentation = {
    name: variable,
    fallback: 'embedded',
    isRequired: false,
    description: `who gives ${name}: ${names.join(', ')}`,
    isSecret: false,
  }
  return {
    name,
    variable,
    providers,
    documentation: documentationOf(choice, providers),
    choose(environment) {
      const wanted = environment[variable]?.trim() || 'embedded'
      const provider = providers.find((one) => one.name === wanted)
      if (!provider) {
        return {
          ok: false,
          issues: [`${variable}: expected one of ${names.join(', ')}, got ${JSON.stringify(wanted)}`],
        }
      }
      const parsed = provider.parse(environment)
      if (parsed.ok) return { ok: true, provider: wanted, create: parsed.create }
      return { ok: false, issues: parsed.issues.map((issue) => `${issue} (needed by ${variable}=${wanted})`) }
    },
  }
}

/**
 * Declares a set of places to ask, chosen by `METADATA_SOURCES` and the like: their names in any order, separated by commas.
 * A place needs a service or a key by its nature, so there is no embedded one.
 */
export function defineSources<T>(name: string, providers: readonly Provider<T>[]): Sources<T> {
  const variable = `${name.toUpperCase().replaceAll('-', '_')}_SOURCES`
  const names = providers.map((provider) => provider.name)
  if (new Set(names).size < names.length) throw new Error(`the sources of ${name} hold two of one name`)
  const choice: VariableDocumentation = {
    name: variable,
    fallback: null,
    isRequired: false,
    description: `who is asked for ${name}, separated by commas; empty asks nobody: ${names.join(', ')}`,
    isSecret: false,
  }
  return {
    name,
    variable,
    sources: names,
    documentation: documentationOf(choice, providers),
    choose(environment) {
      const wanted = [...new Set(environment[variable]?.split(',').map((part) => part.trim()))].filter(Boolean)
      const unknown = wanted.filter((one) => !names.includes(one))
      const issues = unknown.length
        ? [
            `${variable}: expected names among ${names.join(', ')}, got ${unknown.map((one) => JSON.stringify(one)).join(', ')}`,
          ]
        : []
      const chosen = providers.filter((one) => wanted.includes(one.name))
      const parsed = chosen.map((provider) => ({ name: provider.name, result: provider.parse(environment) }))
      // Sources share variables: one that is missing is reported once, with all who need it.
      const needers = new Map<string, string[]>()
      for (const { name, result } of parsed) {
        for (const issue of result.ok ? [] : result.issues) needers.set(issue, [...(needers.get(issue) ?? []), name])
      }
      for (const [issue, by] of needers) issues.push(`${issue} (needed by ${by.join(', ')} in ${variable})`)
      if (issues.length > 0) return { ok: false, issues }
      return {
        ok: true,
        provider: chosen.map((provider) => provider.name).join(','),
        create: (deps) =>
          new Map(parsed.flatMap(({ name, result }) => (result.ok ? [[name, result.create(deps)]] : []))),
      }
    },
  }
}

function documentationOf<T>(choice: VariableDocumentation, providers: readonly Provider<T>[]) {
  return [
    { ...choice, provider: null },
    ...providers.flatMap((provider) => provider.variables.map((one) => ({ ...one, provider: provider.name }))),
  ]
}

function document(name: string, field: z.ZodType): VariableDocumentation {
  const { description = '', isSecret = false } = field.meta() ?? {}
  const unset = field.safeParse(undefined)
  const fallback = unset.success && unset.data !== undefined ? String(unset.data) : null
  return { name, fallback, isRequired: !unset.success, description, isSecret: isSecret === true }
}

function issuesOf(error: z.ZodError, variables: readonly VariableDocumentation[], given: Environment): string[] {
  return error.issues.map((issue) => {
    const name = String(issue.path[0] ?? '')
    const variable = variables.find((one) => one.name === name)
    if (!given[name]) return `${name} is missing: ${variable?.description}`
    // zod's own words may hold the value's content (an unknown key, a failed pattern); a secret's must not be shown.
    return variable?.isSecret
      ? `${name} is not of the expected form: ${variable.description}`
      : `${name}: ${issue.message}`
  })
}
