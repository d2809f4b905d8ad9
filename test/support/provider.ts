import { createDownload } from '../../worker/net/download.ts'
import { createHttp } from '../../worker/net/http.ts'
import type { HttpLimits } from '../../worker/net/limits.ts'
import type { Capability, Environment, ProviderDeps } from '../../worker/providers/capability.ts'

/** Short waits; downloads may reach this machine, because that is where the vendors of tests live. */
export function testDeps(limits: Partial<HttpLimits> = {}): ProviderDeps {
  return {
    http: createHttp({ limits: { firstDelayMs: 1, maxDelayMs: 4, timeoutMs: 5_000, totalMs: 20_000, ...limits } }),
    download: createDownload({ allowAddress: (address) => address === '127.0.0.1' }),
    chains: absent('chain'),
    vault: absent('vault'),
  }
}

/** The provider that an environment chooses. */
export function chosen<T>(capability: Capability<T>, environment: Environment, deps: ProviderDeps = testDeps()): T {
  const choice = capability.choose(environment)
  if (!choice.ok) throw new Error(choice.issues.join('\n'))
  return choice.create(deps)
}

function absent(what: string) {
  return (): never => {
    throw new Error(`this test gave its providers no ${what}`)
  }
}
