import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { InvalidInput } from '../worker/errors.ts'
import { readContracts, readHandlers } from './manifest-abi.ts'
import { refuseUnsupported } from './manifest-limits.ts'
import type { Source, SourceDefinition } from './sources.ts'
import { type EntitySchema, parseEntityTypes } from './store/schema.ts'
import { contextOnChain, readManifestContext } from './wasm/context.ts'
import { hostFunctions } from './wasm/host/index.ts'
import { compileModule, type MappingModule } from './wasm/instance.ts'

const Mapping = z.looseObject({
  kind: z.string(),
  apiVersion: z.string(),
  language: z.string(),
  file: z.string(),
  abis: z.array(z.object({ name: z.string(), file: z.string() })).min(1),
  eventHandlers: z
    .array(z.looseObject({ event: z.string(), handler: z.string(), receipt: z.boolean().optional() }))
    .default([]),
})

const Template = z.looseObject({
  kind: z.string(),
  name: z.string(),
  network: z.string().optional(),
  source: z.looseObject({ abi: z.string() }),
  mapping: Mapping,
})

const DataSource = Template.extend({
  network: z.string(),
  source: z.looseObject({
    abi: z.string(),
    address: z
      .string()
      .regex(/^0x[0-9a-fA-F]{40}$/, 'expected 0x and 40 hexadecimal digits')
      .optional(),
    startBlock: z.number().int().min(0).default(0),
    endBlock: z.number().int().min(0).optional(),
  }),
  context: z.record(z.string(), z.object({ type: z.string(), data: z.unknown() })).optional(),
})

const Manifest = z.looseObject({
  specVersion: z.string(),
  schema: z.object({ file: z.string() }),
  indexerHints: z
    .looseObject({ prune: z.union([z.enum(['auto', 'never']), z.number().int().min(0)]).optional() })
    .optional(),
  dataSources: z.array(DataSource).min(1),
  templates: z.array(Template).default([]),
})
export type Manifest = z.output<typeof Manifest>

/** What the configuration puts in place of the manifest's own facts. */
export interface ManifestOverrides {
  /** By the data source's name. */
  readonly addresses?: Readonly<Record<string, string>>
  /** For every data source. */
  readonly startBlock?: number
}

/** A subgraph that was built, loaded and found supported. */
export interface Subgraph {
  /** SHA-256 of everything that decides what is indexed, overrides included. */
  readonly sha256: string
  readonly schemaText: string
  readonly schema: EntitySchema
  /** Of the data sources; all are on one network. */
  readonly network: string
  readonly sources: readonly Source[]
  readonly templates: ReadonlyMap<string, SourceDefinition>
  /** How many blocks of history are kept behind the head; null keeps all. */
  readonly historyBlocks: number | null
}

/** Blocks of history that `prune: auto` keeps, as graph-node does: twice what a re-org may reach back. */
const AUTO_HISTORY_BLOCKS = 500

/**
 * Loads what `graph build` has made: the manifest with all files it names.
 *
 * @param folder the build's folder
 * @param file the manifest's name in it
 * @throws InvalidInput that names what is missing, wrong or not supported
 */
export async function loadSubgraph(
  folder: string,
  file: string,
  overrides: ManifestOverrides = {},
  options: { isReset?: boolean } = {},
): Promise<Subgraph> {
  const files = new BuildFiles(folder)
  const manifest = parseManifest(file, await files.text(file))
  refuseUnsupported(manifest)
  const schemaText = await files.text(manifest.schema.file)
  const schema = parseEntityTypes(schemaText)
  const modules = new Map<string, MappingModule>()

  const define = async (source: Manifest['templates'][number]): Promise<SourceDefinition> => {
    const { mapping, name } = source
    let module = modules.get(mapping.file)
    if (!module) {
      module = compileModule(mapping.file, await files.bytes(mapping.file), options)
      refuseUnknownImports(mapping.file, module)
      modules.set(mapping.file, module)
    }
    const contracts = await readContracts(mapping.abis, (path) => files.text(path))
    const contract = contracts.get(source.source.abi)
    if (!contract) throw new InvalidInput(`${name}: the manifest lists no ABI ${source.source.abi}`)
    for (const { handler } of mapping.eventHandlers) {
      if (module.exports.includes(handler)) continue
      throw new InvalidInput(`${name}: ${mapping.file} exports no handler ${handler}: build the subgraph again`)
    }
    return {
      name,
      module,
      hasReceipts: mapping.apiVersion !== '0.0.6',
      handlers: readHandlers(name, contract, mapping.eventHandlers),
      functions: new Map([...contracts.values()].flatMap((each) => [...each.functions])),
    }
  }

  const sources: Source[] = []
  for (const source of manifest.dataSources) {
    const address = overrides.addresses?.[source.name] ?? source.source.address
    if (!address)
      throw new InvalidInput(`data source ${source.name} has no address: events of all contracts are not supported`)
    sources.push({
      definition: await define(source),
      address: address.toLowerCase(),
      startBlock: overrides.startBlock ?? source.source.startBlock,
      endBlock: source.source.endBlock ?? null,
      context: readManifestContext(source.name, source.context ?? null),
      createdAtBlock: null,
    })
  }
  const templates = new Map<string, SourceDefinition>()
  for (const template of manifest.templates) templates.set(template.name, await define(template))
  const prune = manifest.indexerHints?.prune ?? 'never'
  return {
    sha256: files.sha256(overrides),
    schemaText,
    schema,
    network: manifest.dataSources[0].network,
    sources,
    templates,
    historyBlocks: prune === 'never' ? null : prune === 'auto' ? AUTO_HISTORY_BLOCKS : prune,
  }
}

/** The subgraph as it runs on a chain: contexts that name the chain's id name this one's. */
export function onChain(subgraph: Subgraph, chainId: number): Subgraph {
  const sources = subgraph.sources.map((source) => ({ ...source, context: contextOnChain(source.context, chainId) }))
  return { ...subgraph, sources }
}

function parseManifest(file: string, text: string): Manifest {
  let value: unknown
  try {
    value = parse(text)
  } catch (cause) {
    throw new InvalidInput(`${file} is no YAML`, { cause })
  }
  const parsed = Manifest.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new InvalidInput(`${file} has another form than known, at ${z.core.toDotPath(issue.path)}: ${issue.message}`)
}

const notNow = (): never => {
  throw new Error('no handler runs while modules are loaded')
}
const known = new Set(
  Object.keys(
    hostFunctions({
      schema: { entities: new Map(), enums: new Map() },
      templates: new Map(),
      network: '',
      answerOf: () => undefined,
      heap: notNow,
      running: notNow,
    }),
  ),
)

function refuseUnknownImports(file: string, module: MappingModule): void {
  const unknown = module.imports.filter((name) => !known.has(name))
  if (unknown.length === 0) return
  throw new InvalidInput(
    `${file} uses ${unknown.join(', ')}, which the embedded indexer does not have: use a graph-node (SUBGRAPH_URL)`,
  )
}

/** The files of one build, and the hash over all that were read. */
class BuildFiles {
  readonly #folder: string
  readonly #read = new Map<string, Buffer>()

  constructor(folder: string) {
    this.#folder = folder
  }

  async bytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
    try {
      const content = await readFile(join(this.#folder, path))
      this.#read.set(path, content)
      return new Uint8Array(content)
    } catch (cause) {
      throw new InvalidInput(
        `the subgraph's build has no readable file ${path}: build it with \`npm run build\` in subgraph/`,
        {
          cause,
        },
      )
    }
  }

  async text(path: string): Promise<string> {
    return Buffer.from(await this.bytes(path)).toString('utf8')
  }

  sha256(overrides: ManifestOverrides): string {
    const hash = createHash('sha256')
    for (const path of [...this.#read.keys()].sort()) hash.update(`${path}\0`).update(this.#read.get(path)!)
    return hash.update(JSON.stringify([overrides.addresses ?? {}, overrides.startBlock ?? null])).digest('hex')
  }
}
