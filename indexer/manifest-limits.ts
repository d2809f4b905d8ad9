import { InvalidInput } from '../worker/errors.ts'
import type { Manifest } from './manifest.ts'

const SPEC_VERSIONS = ['0.0.4', '0.0.5', '0.0.6', '0.0.7', '0.0.8', '0.0.9', '1.0.0', '1.1.0', '1.2.0', '1.3.0']
const API_VERSIONS = ['0.0.6', '0.0.7', '0.0.8', '0.0.9']
const KINDS = ['ethereum', 'ethereum/contract']

/**
 * Everything a manifest may ask for that is not done here is an error when it is loaded, not a gap in what is indexed.
 *
 * @throws InvalidInput that names every such thing at once
 */
export function refuseUnsupported(manifest: Manifest): void {
  const faults: string[] = []
  const refuse = (isRefused: boolean, what: string) => {
    if (isRefused) faults.push(what)
  }
  const isGiven = (value: unknown) => value !== undefined && !(Array.isArray(value) && value.length === 0)
  refuse(!SPEC_VERSIONS.includes(manifest.specVersion), `specVersion ${manifest.specVersion}`)
  refuse(isGiven(manifest.graft), 'grafting')
  refuse(isGiven(manifest.features), `features (${[manifest.features].flat().join(', ')})`)

  const networks = new Set<string>()
  for (const source of [...manifest.dataSources, ...manifest.templates]) {
    const { name, kind, mapping } = source
    refuse(!KINDS.includes(kind), `${name}: data sources of kind ${kind}`)
    refuse(
      !API_VERSIONS.includes(mapping.apiVersion),
      `${name}: apiVersion ${mapping.apiVersion} (known are ${API_VERSIONS.join(', ')})`,
    )
    refuse(mapping.language !== 'wasm/assemblyscript', `${name}: mappings in ${mapping.language}`)
    refuse(isGiven(mapping.callHandlers), `${name}: call handlers`)
    refuse(isGiven(mapping.blockHandlers), `${name}: block handlers`)
    refuse(isGiven(mapping.handler), `${name}: file handlers`)
    for (const handler of mapping.eventHandlers) {
      refuse(isGiven(handler.topic0), `${name}.${handler.handler}: a topic0 of its own`)
      for (const topic of ['topic1', 'topic2', 'topic3']) {
        refuse(isGiven(handler[topic]), `${name}.${handler.handler}: topic filters`)
      }
    }
    if (source.network) networks.add(source.network)
  }
  refuse(networks.size > 1, `several networks in one subgraph (${[...networks].join(', ')})`)
  if (faults.length === 0) return
  throw new InvalidInput(
    `the subgraph needs what the embedded indexer does not support; use a graph-node (SUBGRAPH_URL) or change it:\n- ${faults.join('\n- ')}`,
    { details: { faults } },
  )
}
