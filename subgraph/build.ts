/**
 * Builds the subgraph with graph-cli into `build/`, which is committed: `node build.ts`.
 *
 * `node build.ts --check` builds into a temporary folder instead and compares byte for byte; it exits 1 when they differ.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, glob, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { generatedFiles, MANIFESTS } from './manifests.ts'
import { hashSources, SOURCES_HASH } from './sources.ts'

const HERE = import.meta.dirname
const COMMITTED = join(HERE, 'build')
const GRAPH = join(HERE, 'node_modules/.bin/graph')
const WHOLE = 'subgraph.yaml'

const isCheck = process.argv.includes('--check')
if (!existsSync(GRAPH)) fail('graph-cli is not installed: run `npm ci` in subgraph/ first')

const generated = await generatedFiles()
if (isCheck) await compareGenerated()
else for (const [path, text] of generated) await writeAt(join(HERE, path), text)

const work = await mkdtemp(join(tmpdir(), 'refrain-subgraph-'))
try {
  const built = await build(work)
  if (isCheck) await compareBuilds(built)
  else {
    await rm(COMMITTED, { recursive: true, force: true })
    for (const path of await filesOf(built)) await copyAt(join(built, path), join(COMMITTED, path))
    console.log(`build/: ${(await filesOf(COMMITTED)).length} files`)
  }
} finally {
  await rm(work, { recursive: true, force: true })
}

/** Builds every manifest; the partial ones add no more than their manifest, since their modules are those of the whole. */
async function build(into: string): Promise<string> {
  await graph('codegen', WHOLE)
  const whole = join(into, WHOLE)
  await graph('build', WHOLE, '--output-dir', whole)
  for (const manifest of Object.keys(MANIFESTS).filter((name) => name !== WHOLE)) {
    const part = join(into, manifest)
    await graph('build', manifest, '--output-dir', part)
    for (const path of await filesOf(part)) {
      if (path === WHOLE || path === manifest) continue
      if (!(await readFile(join(part, path))).equals(await readFile(join(whole, path))))
        fail(`${path} of ${manifest} differs from that of ${WHOLE}: the manifests no longer share one code base`)
    }
    await rename(join(part, WHOLE), join(whole, manifest))
  }
  await writeFile(join(whole, SOURCES_HASH), `${await hashSources()}\n`)
  return whole
}

async function graph(...args: string[]): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, [GRAPH, ...args], { cwd: HERE, maxBuffer: 2 ** 26 })
  } catch (cause) {
    const { stdout, stderr } = cause as { stdout: string; stderr: string }
    fail(`graph ${args.join(' ')} failed:\n${stdout}${stderr}`)
  }
}

async function compareGenerated(): Promise<void> {
  const stale: string[] = []
  for (const [path, text] of generated) {
    const committed = await readFile(join(HERE, path), 'utf8').catch(() => null)
    if (committed !== text) stale.push(path)
  }
  if (stale.length > 0)
    fail(`${stale.join(', ')}: not what manifests.ts writes. Run \`npm run build\` in subgraph/ and commit`)
}

async function compareBuilds(built: string): Promise<void> {
  const [now, committed] = [await filesOf(built), await filesOf(COMMITTED)]
  const differing = [...new Set([...now, ...committed])].sort()
  const stale: string[] = []
  for (const path of differing) {
    const pair = [join(built, path), join(COMMITTED, path)].map((file) => readFile(file).catch(() => null))
    const [one, other] = await Promise.all(pair)
    if (!one || !other || !one.equals(other)) stale.push(path)
  }
  if (stale.length > 0)
    fail(
      `build/ is not what the sources build (${stale.join(', ')}). Run \`npm run build\` in subgraph/ and commit build/`,
    )
  console.log(`build/ is what the sources build: ${now.length} files`)
}

async function filesOf(folder: string): Promise<string[]> {
  const files: string[] = []
  for await (const entry of glob('**/*', { cwd: folder, withFileTypes: true }))
    if (entry.isFile()) files.push(join(entry.parentPath, entry.name).slice(folder.length + 1))
  return files.sort()
}

async function copyAt(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  await copyFile(from, to)
}

async function writeAt(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
