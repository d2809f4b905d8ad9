import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { planDeployments } from '../../indexer/deployments.ts'
import { loadSubgraph } from '../../indexer/manifest.ts'
import { BUILD } from './indexing.ts'
import { PROBE_BUILD } from './probe.ts'

const folders: string[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

// biome-ignore lint/suspicious/noExplicitAny: a manifest is changed in every way there is
type Manifest = any

/** The probe's build with its manifest changed. */
async function changed(change: (manifest: Manifest) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'refrain build '))
  folders.push(folder)
  await cp(PROBE_BUILD, folder, { recursive: true })
  const path = join(folder, 'subgraph.yaml')
  const manifest = parse(await readFile(path, 'utf8'))
  change(manifest)
  await writeFile(path, stringify(manifest))
  return folder
}

test.each<[string, (manifest: Manifest) => void, string]>([
  [
    'a specVersion to come',
    (m) => {
      m.specVersion = '1.4.0'
    },
    'specVersion 1.4.0',
  ],
  [
    'an old apiVersion',
    (m) => {
      m.dataSources[0].mapping.apiVersion = '0.0.5'
    },
    'Probe: apiVersion 0.0.5',
  ],
  [
    'call handlers',
    (m) => {
      m.dataSources[0].mapping.callHandlers = [{ function: 'f()', handler: 'h' }]
    },
    'Probe: call handlers',
  ],
  [
    'block handlers',
    (m) => {
      m.templates[0].mapping.blockHandlers = [{ handler: 'h' }]
    },
    'Created: block handlers',
  ],
  [
    'file data sources',
    (m) => {
      m.templates[0].kind = 'file/ipfs'
    },
    'Created: data sources of kind file/ipfs',
  ],
  [
    'subgraphs as sources',
    (m) => {
      m.dataSources[0].kind = 'subgraph'
    },
    'kind subgraph',
  ],
  [
    'topic filters',
    (m) => {
      m.dataSources[0].mapping.eventHandlers[0].topic1 = ['0x12']
    },
    'Probe.handleCommand: topic filters',
  ],
  [
    'features',
    (m) => {
      m.features = ['fullTextSearch', 'nonFatalErrors']
    },
    'features (fullTextSearch, nonFatalErrors)',
  ],
  [
    'grafting',
    (m) => {
      m.graft = { base: 'Qm', block: 1 }
    },
    'grafting',
  ],
  [
    'several networks',
    (m) => {
      m.templates[0].network = 'mainnet'
    },
    'several networks',
  ],
  [
    'no address',
    (m) => {
      delete m.dataSources[0].source.address
    },
    'Probe has no address',
  ],
  [
    'an address that is none',
    (m) => {
      m.dataSources[0].source.address = '0x12'
    },
    'dataSources[0].source.address',
  ],
  [
    'no data sources',
    (m) => {
      m.dataSources = []
    },
    'dataSources',
  ],
  [
    'a handler that is not there',
    (m) => {
      m.dataSources[0].mapping.eventHandlers[0].handler = 'handleNothing'
    },
    'exports no handler handleNothing',
  ],
  [
    'an event that is not in the ABI',
    (m) => {
      m.dataSources[0].mapping.eventHandlers[0].event = 'Nothing(uint256)'
    },
    'no event Nothing(uint256)',
  ],
  [
    'an event with other indexed parameters',
    (m) => {
      m.dataSources[0].mapping.eventHandlers[1].event = 'ClipToggled(bytes32,indexed bool,uint64)'
    },
    'no event ClipToggled',
  ],
  [
    'two handlers for one event',
    (m) => {
      m.dataSources[0].mapping.eventHandlers.push(m.dataSources[0].mapping.eventHandlers[0])
    },
    'several handlers for the event',
  ],
  [
    'a file that is missing',
    (m) => {
      m.dataSources[0].mapping.file = 'Nothing.wasm'
    },
    'no readable file Nothing.wasm',
  ],
  [
    'a module that is none',
    (m) => {
      m.dataSources[0].mapping.file = 'schema.graphql'
    },
    'no WebAssembly module',
  ],
  [
    'an ABI that is none',
    (m) => {
      m.dataSources[0].mapping.abis[0].file = 'schema.graphql'
    },
    'schema.graphql is no ABI',
  ],
  [
    'an ABI that is not listed',
    (m) => {
      m.dataSources[0].source.abi = 'Other'
    },
    'lists no ABI Other',
  ],
  [
    'a context of another type',
    (m) => {
      m.dataSources[0].context.chainId.data = 'x'
    },
    "the context's chainId",
  ],
])('a manifest with %s is refused, and the message says so', async (_what, change, message) => {
  await expect(loadSubgraph(await changed(change), 'subgraph.yaml')).rejects.toThrow(message)
})

test('a manifest names all its faults at once', async () => {
  const folder = await changed((manifest) => {
    manifest.graft = { base: 'Qm', block: 1 }
    manifest.dataSources[0].mapping.blockHandlers = [{ handler: 'h' }]
  })
  await expect(loadSubgraph(folder, 'subgraph.yaml')).rejects.toThrow(/grafting\n- Probe: block handlers/)
})

test('a module that imports what is not there is refused with the names', async () => {
  const folder = await changed(() => {})
  const path = join(folder, 'Probe/Probe.wasm')
  const wasm = await readFile(path)
  const at = wasm.indexOf('json.try_fromBytes')
  wasm.write('ipfs.cat_for_tests', at)
  await writeFile(path, wasm)
  await expect(loadSubgraph(folder, 'subgraph.yaml')).rejects.toThrow(
    'uses ipfs.cat_for_tests, which the embedded indexer',
  )
})

test('manifests of every form that graph-cli writes are taken', async () => {
  for (const file of ['subgraph.yaml', 'subgraph.clips.yaml', 'subgraph.locks.yaml']) {
    expect((await loadSubgraph(BUILD, file)).sources.length, file).toBeGreaterThan(0)
  }
  const own = await loadSubgraph(BUILD, 'subgraph.yaml')
  expect(own.sources.map((source) => source.definition.name)).toEqual(['Catalog', 'Accounts', 'Unlock'])
  expect([...own.templates.keys()]).toEqual(['PublicLock'])
  expect(own.historyBlocks).toBe(null)
  // An event named without `indexed`, an end block, hints of calls: all of them are older or newer ways to say it.
  const folder = await changed((manifest) => {
    const [source] = manifest.dataSources
    source.mapping.eventHandlers[1].event = 'ClipToggled(bytes32,bool,uint64)'
    source.mapping.eventHandlers[0].calls = {
      'Probe.emitter': 'Probe[event.address].isEmitter(event.params.registeredBy)',
    }
    source.source.endBlock = 99
    manifest.indexerHints = { prune: 'auto' }
  })
  const { sources, historyBlocks } = await loadSubgraph(folder, 'subgraph.yaml')
  expect([sources[0].endBlock, historyBlocks]).toEqual([99, 500])
})

test('the configuration moves addresses and the first block, and what is moved is another subgraph', async () => {
  const plain = await loadSubgraph(PROBE_BUILD, 'subgraph.yaml')
  const address = `0x${'AB'.repeat(20)}`
  const moved = await loadSubgraph(PROBE_BUILD, 'subgraph.yaml', { addresses: { Probe: address }, startBlock: 12 })
  expect(moved.sources[0]).toMatchObject({ address: address.toLowerCase(), startBlock: 12 })
  expect(plain.sources[0].startBlock).toBe(0)
  expect(moved.sha256).not.toBe(plain.sha256)
  expect((await loadSubgraph(PROBE_BUILD, 'subgraph.yaml')).sha256).toBe(plain.sha256)
})

test('one chain is one deployment, two chains are two', async () => {
  const settings = { CHAIN_RPC_URL: 'http://127.0.0.1:1', CATALOG_ADDRESS: `0x${'11'.repeat(20)}` }
  const [only, ...none] = await planDeployments({ ...settings, LOCK_CHAIN_RPC_URL: settings.CHAIN_RPC_URL })
  expect([only.name, none.length, only.subgraph.sources[0].address]).toEqual(['refrain', 0, settings.CATALOG_ADDRESS])
  const two = await planDeployments({ ...settings, LOCK_CHAIN_RPC_URL: 'http://127.0.0.1:2', INDEXER_START_BLOCK: 5 })
  expect(two.map(({ name, rpcUrl }) => [name, rpcUrl])).toEqual([
    ['refrain-clips', 'http://127.0.0.1:1'],
    ['refrain-locks', 'http://127.0.0.1:2'],
  ])
  expect(two[1].subgraph.sources.map((source) => [source.definition.name, source.startBlock])).toEqual([['Unlock', 5]])
})
