import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Address } from 'viem'
import { parse, stringify } from 'yaml'

interface Manifest {
  readonly dataSources: {
    name: string
    source: { address: Address; startBlock: number }
    context?: Record<string, { type: string; data: unknown }>
  }[]
}

/** The committed build of the subgraph as `build/` of a folder, with these addresses in its manifest. */
export async function copyBuild(
  folder: string,
  addresses: Readonly<Record<'Catalog' | 'Accounts' | 'Unlock', Address>>,
  emitters?: readonly Address[],
): Promise<void> {
  const build = join(folder, 'build')
  await cp(join(import.meta.dirname, '../../subgraph/build'), build, { recursive: true })
  const path = join(build, 'subgraph.yaml')
  const manifest: Manifest = parse(await readFile(path, 'utf8'))
  for (const source of manifest.dataSources) {
    source.source.address = addresses[source.name as keyof typeof addresses]
    if (source.name === 'Catalog' && emitters)
      source.context = { ...source.context, emitters: { type: 'String', data: emitters.join(',') } }
  }
  await writeFile(path, stringify(manifest))
  // `gnd dev` asks for the manifest beside the build, and reads the one in the build.
  await writeFile(join(folder, 'subgraph.yaml'), stringify(manifest))
}
