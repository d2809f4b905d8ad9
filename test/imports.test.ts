import { glob, readFile } from 'node:fs/promises'
import { dirname, join, normalize, sep } from 'node:path'
import { expect, test } from 'vitest'

const checkout = join(import.meta.dirname, '..')
/** Data flows one way: each folder may import itself and what stands here after it. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'worker/media': [],
  'worker/net': ['worker/media'],
  'worker/db': ['worker/media'],
  'worker/vault': ['worker/db'],
  'worker/chain': ['worker/net', 'worker/db', 'contracts'],
  'worker/providers': ['worker/media', 'worker/net', 'worker/vault', 'worker/chain', 'contracts', 'client'],
  'worker/catalog': ['worker/net', 'worker/db'],
  'worker/engine': ['worker/media', 'worker/providers', 'worker/db'],
  'worker/callbacks': ['worker/media', 'worker/net', 'worker/db', 'worker/engine'],
  'worker/pipelines': [
    'worker/media',
    'worker/net',
    'worker/vault',
    'worker/chain',
    'worker/providers',
    'worker/db',
    'worker/engine',
    'contracts',
    'client',
  ],
  contracts: [],
  client: [],
  indexer: ['worker/net', 'worker/db', 'worker/chain', 'contracts'],
}
/** May be imported by all: they know no layer. */
const FOR_ALL = ['worker/errors.ts', 'worker/progress.ts', 'worker/log.ts']
/** The configuration names the queues; what it gives is passed down as a type. */
const CONFIG = 'worker/config.ts'

interface Import {
  readonly from: string
  readonly to: string
  readonly isType: boolean
}

async function readImports(folders: readonly string[]): Promise<Import[]> {
  const imports: Import[] = []
  for await (const path of glob(
    folders.map((folder) => `${folder}/**/*.ts`),
    { cwd: checkout },
  )) {
    const text = (await readFile(join(checkout, path), 'utf8')).replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '')
    const statement =
      /^(?:import|export)\b(?:[^'"();]*?\bfrom\s*)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm
    for (const match of text.matchAll(statement)) {
      const specifier = match[1] ?? match[2]
      const to = specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : specifier
      imports.push({
        from: path.split(sep).join('/'),
        to: to.split(sep).join('/'),
        isType: /^(import|export)\s+type\b/.test(match[0]),
      })
    }
  }
  return imports
}

const layerOf = (path: string) => Object.keys(MAY_IMPORT).find((layer) => path.startsWith(`${layer}/`))
const show = ({ from, to }: Import) => `${from} imports ${to}`

const imports = await readImports(['worker', 'api', 'cli', 'contracts', 'client', 'indexer'])

test('the parser sees the imports it judges', () => {
  expect(imports.length).toBeGreaterThan(200)
  expect(imports.some(({ from, to }) => from === 'worker/engine/worker.ts' && to === 'graphile-worker')).toBe(true)
  expect(imports.some(({ from, to }) => from === 'worker/engine/settle.ts' && to === 'worker/db/client.ts')).toBe(true)
})

test('imports point one way: media, providers, engine, pipelines', () => {
  const wrong = imports.filter(({ from, to, isType }) => {
    const layer = layerOf(from)
    // The first file of a process puts its parts together.
    if (from.endsWith('/main.ts')) return false
    if (!layer || !/^(worker|api|cli|test|contracts|client|indexer)\//.test(to) || FOR_ALL.includes(to)) return false
    if (to === CONFIG) return layer === 'worker/media' || (!isType && layer !== 'worker/pipelines')
    const target = layerOf(to)
    return !target || (target !== layer && !MAY_IMPORT[layer].includes(target))
  })
  expect(wrong.map(show)).toEqual([])
})

test('the worker knows neither the api nor the command line, and nothing that ships imports a test', () => {
  const wrong = imports.filter(
    ({ from, to }) =>
      (from.startsWith('worker/') && /^(api|cli)\//.test(to)) ||
      (from.startsWith('api/') && to.startsWith('cli/')) ||
      to.startsWith('test/'),
  )
  expect(wrong.map(show)).toEqual([])
})

test('only worker/db opens connections; elsewhere pg is a type', () => {
  const wrong = imports.filter(
    ({ from, to, isType }) =>
      (to === 'pg' || to === 'drizzle-orm/node-postgres') && !isType && !from.startsWith('worker/db/'),
  )
  expect(wrong.map(show)).toEqual([])
})

test('only the engine speaks to graphile-worker, apart from its own migrations', () => {
  const wrong = imports.filter(
    ({ from, to }) => to === 'graphile-worker' && from !== 'worker/engine/worker.ts' && from !== 'worker/db/migrate.ts',
  )
  expect(wrong.map(show)).toEqual([])
})

test('only worker/media/ffmpeg imports fluent-ffmpeg', () => {
  const wrong = imports.filter(({ from, to }) => to === 'fluent-ffmpeg' && !from.startsWith('worker/media/ffmpeg/'))
  expect(wrong.map(show)).toEqual([])
})

test('no two files import each other in a circle at run time', () => {
  const edges = new Map<string, string[]>()
  for (const { from, to, isType } of imports) if (!isType) edges.set(from, [...(edges.get(from) ?? []), to])
  const done = new Set<string>()
  const circles: string[] = []
  const walk = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) return void circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
    if (done.has(path)) return
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path])
    done.add(path)
  }
  for (const path of edges.keys()) walk(path, [])
  expect(circles).toEqual([])
})
