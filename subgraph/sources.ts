import { createHash } from 'node:crypto'
import { glob, readFile } from 'node:fs/promises'
import { join, sep } from 'node:path'

/** What the build is made of: a change of any of these asks for `npm run build`. */
const SOURCES = ['schema.graphql', 'subgraph{,.clips,.locks}.yaml', 'abis/*.json', 'src/*.ts', 'package-lock.json']

/** Lies beside the build and says which sources it was made of. */
export const SOURCES_HASH = 'sources.sha256'

/** SHA-256, in hexadecimal, of the names and contents of all sources of the subgraph. */
export async function hashSources(): Promise<string> {
  const paths: string[] = []
  for await (const path of glob(SOURCES, { cwd: import.meta.dirname })) paths.push(path.split(sep).join('/'))
  const hash = createHash('sha256')
  for (const path of paths.sort()) {
    const content = await readFile(join(import.meta.dirname, path))
    hash.update(`${path} ${content.length}\n`).update(content)
  }
  return hash.digest('hex')
}
