/**
 * Writes the manifests and their ABIs: `node manifests.ts [network]`, a network of networks.json (the embedded chain if none is named).
 * A network gets the manifests of the contracts it has in networks.json.
 *
 * `subgraph.yaml` holds everything that lives on one chain; where clips and locks live on two, `subgraph.clips.yaml` goes to the one and
 * `subgraph.locks.yaml` to the other. Those of the embedded chain are committed; another network's carry its name (`subgraph.locks.base.yaml`).
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AbiEvent } from 'viem'
import { foundry } from 'viem/chains'
import { stringify } from 'yaml'
import { embeddedAddresses } from '../contracts/deploy.ts'
import { signatureOf, subgraphAbis } from './abis.ts'

interface Deployed {
  readonly address: string
  readonly startBlock: number
}

interface Network {
  /** EIP-155 id. */
  readonly chainId: number
  /** Addresses, joined by commas, whose events count although the catalog contract keeps no list of emitters. */
  readonly emitters?: string
  readonly Catalog?: Deployed
  readonly Accounts?: Deployed
  readonly Unlock?: Deployed
}

interface Source {
  readonly name: 'Catalog' | 'Accounts' | 'Unlock' | 'PublicLock'
  readonly file: string
  readonly entities: readonly string[]
  /** Interfaces it calls besides its own. */
  readonly alsoReads?: readonly string[]
}

/** What the embedded chain is called, in networks.json and by graph-node. */
const EMBEDDED = 'localhost'

const CATALOG: Source = {
  name: 'Catalog',
  file: './src/catalog.ts',
  entities: ['Clip', 'Segment', 'ClipEvent', 'Emitter', 'ForeignEvent'],
}
const ACCOUNTS: Source = { name: 'Accounts', file: './src/accounts.ts', entities: ['Artist'] }
const UNLOCK: Source = {
  name: 'Unlock',
  file: './src/unlock.ts',
  entities: ['Lock', 'LockEvent', 'Artist'],
  alsoReads: ['PublicLock'],
}
const PUBLIC_LOCK: Source = {
  name: 'PublicLock',
  file: './src/lock.ts',
  entities: ['Lock', 'LockEvent', 'Key', 'KeyEvent'],
}

/** By the name of the file. */
export const MANIFESTS = {
  'subgraph.yaml': { sources: [CATALOG, ACCOUNTS, UNLOCK], templates: [PUBLIC_LOCK] },
  'subgraph.clips.yaml': { sources: [CATALOG, ACCOUNTS], templates: [] },
  'subgraph.locks.yaml': { sources: [UNLOCK], templates: [PUBLIC_LOCK] },
} as const satisfies Record<string, { sources: readonly Source[]; templates: readonly Source[] }>

/** Older forms of an event whose name was kept; each has a handler of its own. */
const OLDER_HANDLERS: Readonly<Record<string, string>> = {
  'ExpirationChanged(indexed uint256,uint256,uint256,bool)': 'handleExpirationChangedV12',
  'ExpirationChanged(indexed uint256,uint256,bool)': 'handleExpirationChangedV9',
}

const abis = subgraphAbis()

/**
 * The files that `networks.json` and the contracts determine, by path within the subgraph: ABIs, and the manifests whose contracts
 * the network has.
 */
export async function generatedFiles(networkName = EMBEDDED): Promise<Map<string, string>> {
  const network = await findNetwork(networkName)
  const files = new Map<string, string>()
  for (const [name, abi] of Object.entries(abis)) files.set(`abis/${name}.json`, `${JSON.stringify(abi, null, 2)}\n`)
  for (const [file, { sources, templates }] of Object.entries(MANIFESTS)) {
    if (sources.some(({ name }) => !network[name as keyof Network])) continue
    const manifest = {
      specVersion: '1.3.0',
      description: 'Karaoke clips, encrypted songs, artists, locks and keys',
      indexerHints: { prune: 'never' },
      schema: { file: './schema.graphql' },
      dataSources: sources.map((source) => dataSource(source, networkName, network)),
      ...(templates.length > 0 && { templates: templates.map((source) => template(source, networkName)) }),
    }
    const path = networkName === EMBEDDED ? file : file.replace(/yaml$/, `${networkName}.yaml`)
    files.set(path, stringify(manifest, { lineWidth: 0 }))
  }
  return files
}

async function findNetwork(name: string): Promise<Network> {
  const others = JSON.parse(await readFile(join(import.meta.dirname, 'networks.json'), 'utf8'))
  const { catalog, accounts, unlock } = embeddedAddresses
  const embedded: Network = {
    chainId: foundry.id,
    Catalog: { address: catalog, startBlock: 0 },
    Accounts: { address: accounts, startBlock: 0 },
    Unlock: { address: unlock, startBlock: 0 },
  }
  const networks: Readonly<Record<string, Network>> = { ...others, [EMBEDDED]: embedded }
  if (!networks[name]) throw new Error(`expected one of ${Object.keys(networks).join(', ')}, got ${name}`)
  return networks[name]
}

function dataSource(source: Source, networkName: string, network: Network) {
  const deployed = network[source.name as 'Catalog' | 'Accounts' | 'Unlock']!
  return {
    kind: 'ethereum/contract',
    name: source.name,
    network: networkName,
    ...(source === CATALOG && { context: contextOf(network) }),
    source: { address: deployed.address, abi: source.name, startBlock: deployed.startBlock },
    mapping: mappingOf(source),
  }
}

function template(source: Source, networkName: string) {
  return {
    kind: 'ethereum/contract',
    name: source.name,
    network: networkName,
    source: { abi: source.name },
    mapping: mappingOf(source),
  }
}

function contextOf({ chainId, emitters }: Network) {
  return {
    chainId: { type: 'Int', data: chainId },
    ...(emitters && { emitters: { type: 'String', data: emitters } }),
  }
}

function mappingOf({ name, file, entities, alsoReads = [] }: Source) {
  const events = abis[name].filter((item): item is AbiEvent => item.type === 'event')
  return {
    kind: 'ethereum/events',
    apiVersion: '0.0.9',
    language: 'wasm/assemblyscript',
    entities,
    abis: [name, ...alsoReads].map((abi) => ({ name: abi, file: `./abis/${abi}.json` })),
    eventHandlers: events.map((event) => {
      const signature = signatureOf(event)
      return { event: signature, handler: OLDER_HANDLERS[signature] ?? `handle${event.name}` }
    }),
    file,
  }
}

if (import.meta.main) {
  const files = await generatedFiles(process.argv[2])
  await mkdir(join(import.meta.dirname, 'abis'), { recursive: true })
  for (const [path, text] of files) await writeFile(join(import.meta.dirname, path), text)
  console.log([...files.keys()].join('\n'))
}
