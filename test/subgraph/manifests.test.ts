import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Kind, parse as parseGraphql } from 'graphql'
import { type Abi, type AbiEvent, getAddress } from 'viem'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { accountsAbi } from '../../contracts/abi/accounts.ts'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import { embeddedAddresses } from '../../contracts/deploy.ts'
import { signatureOf } from '../../subgraph/abis.ts'
import { generatedFiles, MANIFESTS } from '../../subgraph/manifests.ts'
import { hashSources, SOURCES_HASH } from '../../subgraph/sources.ts'

interface Source {
  readonly name: string
  readonly network: string
  readonly source: { readonly address?: string; readonly abi: string }
  readonly mapping: {
    readonly file: string
    readonly abis: readonly { readonly name: string; readonly file: string }[]
    readonly eventHandlers: readonly { readonly event: string; readonly handler: string }[]
  }
}

interface Manifest {
  readonly specVersion: string
  readonly features?: readonly string[]
  readonly dataSources: readonly Source[]
  readonly templates?: readonly Source[]
}

const subgraph = join(import.meta.dirname, '../../subgraph')
const read = (path: string) => readFile(join(subgraph, path), 'utf8')
const names = Object.keys(MANIFESTS)
const sourcesOf = ({ dataSources, templates = [] }: Manifest) => [...dataSources, ...templates]

test('the committed manifests and ABIs are what the contracts and addresses give', async () => {
  const files = await generatedFiles()
  expect([...files.keys()]).toEqual(expect.arrayContaining(names))
  for (const [path, text] of files) expect(await read(path), `${path}: run npm run build in subgraph/`).toBe(text)
})

test('every event that is handled is one of its contract, word for word', async () => {
  const unlock = createRequire(import.meta.url)('@unlock-protocol/contracts') as Record<string, { abi: Abi }>
  const locks = [9, 10, 11, 12, 13, 14, 15].flatMap((version) => unlock[`PublicLockV${version}`].abi)
  const contracts: Record<string, Abi> = {
    Catalog: catalogAbi,
    Accounts: accountsAbi,
    Unlock: unlock.UnlockV14.abi,
    PublicLock: locks,
  }
  const manifest: Manifest = parse(await read('subgraph.yaml'))
  for (const { name, mapping } of sourcesOf(manifest)) {
    const events = contracts[name].filter((item): item is AbiEvent => item.type === 'event').map(signatureOf)
    for (const { event } of mapping.eventHandlers) expect(events).toContain(event)
  }
})

test('every event of the catalog that speaks of clips or emitters is handled', async () => {
  const manifest: Manifest = parse(await read('subgraph.yaml'))
  const handled = manifest.dataSources[0].mapping.eventHandlers.map(({ event }) => event)
  const events = catalogAbi.filter((item) => item.type === 'event' && !item.name.startsWith('Ownership')) as AbiEvent[]
  expect(handled.toSorted()).toEqual(events.map(signatureOf).toSorted())
})

test('every handler is there, under the name the manifest gives, and no two events of a source share one', async () => {
  const manifest: Manifest = parse(await read('subgraph.yaml'))
  for (const { name, mapping } of sourcesOf(manifest)) {
    const source = await read(mapping.file)
    const handlers = mapping.eventHandlers.map(({ handler }) => handler)
    expect(new Set(handlers).size, name).toBe(handlers.length)
    for (const handler of handlers) expect(source).toMatch(new RegExp(`^export function ${handler}\\(`, 'm'))
  }
})

test('the manifests for two chains together are the manifest for one', async () => {
  const [whole, clips, locks] = await Promise.all(names.map(async (name): Promise<Manifest> => parse(await read(name))))
  expect([...clips.dataSources, ...locks.dataSources]).toEqual(whole.dataSources)
  expect([...(clips.templates ?? []), ...(locks.templates ?? [])]).toEqual(whole.templates)
  for (const part of [clips, locks]) {
    const { dataSources: _sources, templates: _templates, ...rest } = part
    const { dataSources: _allSources, templates: _allTemplates, ...wholeRest } = whole
    expect(rest).toEqual(wholeRest)
  }
})

test('a manifest is of one network, asks for no features, and names the embedded contracts', async () => {
  const manifest: Manifest = parse(await read('subgraph.yaml'))
  expect(new Set(sourcesOf(manifest).map(({ network }) => network))).toEqual(new Set(['localhost']))
  expect(manifest.features ?? []).toEqual([])
  const addresses = manifest.dataSources.map(({ source }) => getAddress(source.address!))
  const { catalog, accounts, unlock } = embeddedAddresses
  expect(addresses).toEqual([catalog, accounts, unlock].map((address) => getAddress(address)))
})

test('another network gets the manifests of the contracts it has, under names of their own', async () => {
  const files = await generatedFiles('base')
  const manifests = [...files.keys()].filter((path) => path.endsWith('.yaml'))
  expect(manifests).toEqual(['subgraph.locks.base.yaml'])
  expect(parse(files.get('subgraph.locks.base.yaml')!).dataSources[0].network).toBe('base')
  await expect(generatedFiles('atlantis')).rejects.toThrow(
    'expected one of base, base-sepolia, localhost, got atlantis',
  )
})

test('every type, field and enum of the schema is described', async () => {
  const { definitions } = parseGraphql(await read('schema.graphql'))
  const bare: string[] = []
  for (const definition of definitions) {
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION && definition.kind !== Kind.ENUM_TYPE_DEFINITION) continue
    const isObject = definition.kind === Kind.OBJECT_TYPE_DEFINITION
    if (isObject && !definition.description) bare.push(definition.name.value)
    for (const field of (isObject && definition.fields) || [])
      if (!field.description) bare.push(`${definition.name.value}.${field.name.value}`)
  }
  expect(definitions.length).toBeGreaterThan(10)
  expect(bare).toEqual([])
})

test('the committed build was made of these sources', async () => {
  const built = (await read(join('build', SOURCES_HASH))).trim()
  expect(built, 'the sources have changed since: run npm run build in subgraph/ and commit build/').toBe(
    await hashSources(),
  )
})

test('the committed build holds the schema, every manifest, and each module and ABI they name', async () => {
  expect(await read('build/schema.graphql')).toBe(await read('schema.graphql'))
  for (const name of names) {
    const [source, built]: Manifest[] = [parse(await read(name)), parse(await read(join('build', name)))]
    expect(sourcesOf(built).map(({ mapping }) => mapping.eventHandlers)).toEqual(
      sourcesOf(source).map(({ mapping }) => mapping.eventHandlers),
    )
    for (const { mapping } of sourcesOf(built)) {
      const module = await readFile(join(subgraph, 'build', mapping.file))
      const exports = WebAssembly.Module.exports(await WebAssembly.compile(module))
      expect(exports.map((item) => item.name)).toEqual(
        expect.arrayContaining(mapping.eventHandlers.map(({ handler }) => handler)),
      )
      for (const abi of mapping.abis)
        expect(JSON.parse(await read(join('build', abi.file)))).toEqual(JSON.parse(await read(`abis/${abi.name}.json`)))
    }
  }
})
