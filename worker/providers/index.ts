import { Blocked, InvalidInput } from '../errors.ts'
import { downloadUrl } from '../net/download.ts'
import { createHttp } from '../net/http.ts'
import { accounts } from './accounts/index.ts'
import { alignment } from './alignment/index.ts'
import { archive } from './archive/index.ts'
import type { Choice, Choosable, Environment, ProviderDeps, VariableDocumentation } from './capability.ts'
import { catalogue } from './catalogue/index.ts'
import { encryption } from './encryption/index.ts'
import { enhancement } from './enhancement/index.ts'
import { locks } from './locks/index.ts'
import { metadata } from './metadata/index.ts'
import { normalization } from './normalization/index.ts'
import { publication } from './publication/index.ts'
import { separation } from './separation/index.ts'
import { space } from './space/index.ts'
import { storage } from './storage/index.ts'
import { structure } from './structure/index.ts'
import { translation } from './translation/index.ts'
import { wallet } from './wallet/index.ts'

/** Everything the pipelines need from outside. A new capability is one name here. */
const capabilities = {
  accounts,
  alignment,
  archive,
  catalogue,
  encryption,
  enhancement,
  locks,
  metadata,
  normalization,
  publication,
  separation,
  space,
  storage,
  structure,
  translation,
  wallet,
}

type ContractOf<C> = C extends Choosable<infer Contract> ? Contract : never

/** The chosen provider of each capability, and all chosen sources of metadata. */
export type Providers = { readonly [Name in keyof typeof capabilities]: ContractOf<(typeof capabilities)[Name]> }

/**
 * Opens the provider of each capability that the environment chooses, `embedded` where it says nothing.
 *
 * @throws InvalidInput that names every missing or wrong variable at once
 */
export function openProviders(environment: Environment, deps: Partial<ProviderDeps> = {}): Providers {
  const full: ProviderDeps = {
    http: deps.http ?? createHttp(),
    download: deps.download ?? downloadUrl,
    chains: deps.chains ?? missing('no chain is configured: CHAIN_RPC_URL is off'),
    vault: deps.vault ?? missing('this process keeps no keys'),
  }
  const choices = Object.entries(capabilities).map(([name, capability]) => ({
    name,
    choice: capability.choose(environment) as Choice<unknown>,
  }))
  const faults = choices.flatMap(({ choice }) => (choice.ok ? [] : choice.issues))
  if (faults.length > 0)
    throw new InvalidInput(`the providers have faults:\n- ${faults.join('\n- ')}`, { details: { faults } })
  return Object.fromEntries(
    choices.map(({ name, choice }) => [name, choice.ok ? choice.create(full) : null]),
  ) as Providers
}

/** Every variable of every provider, for the README. */
export function describeProviders(): readonly (VariableDocumentation & { readonly provider: string | null })[] {
  const seen = new Set<string>()
  return Object.values(capabilities)
    .flatMap((capability) => capability.documentation)
    .filter(({ name }) => !seen.has(name) && seen.add(name))
}

function missing(reason: string) {
  return (): never => {
    throw new Blocked(reason)
  }
}
