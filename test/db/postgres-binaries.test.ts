import { chmod, copyFile, link, lstat, mkdir, readdir, readFile, readlink, stat, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { chooseAccount, findAccount } from '../../worker/db/postgres/account.ts'
import { type BinaryPackage, findBinaryPackage, prepareBinaries } from '../../worker/db/postgres/binaries.ts'
import { isRunning } from '../../worker/db/postgres/postmaster.ts'
import { createLog } from '../../worker/log.ts'
import { createPlayground, startHere } from '../support/supervisor.ts'
import { withClient } from '../support/test-server.ts'

const { makeDirectory, clean } = createPlayground()
afterAll(clean)
// Making a cluster takes a second, more on a busy machine.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })
const isRoot = process.getuid?.() === 0

/** The package as npm leaves it without install scripts: no links, and here no run bits either. */
async function installWithoutScripts(parent: string): Promise<BinaryPackage> {
  const { nativeDirectory: original, packageVersion } = await findBinaryPackage()
  const nativeDirectory = join(parent, 'native')
  await mkdir(join(nativeDirectory, 'bin'), { recursive: true })
  for (const name of ['initdb', 'postgres']) {
    await copyFile(join(original, 'bin', name), join(nativeDirectory, 'bin', name))
    await chmod(join(nativeDirectory, 'bin', name), 0o644)
  }
  await mkdir(join(nativeDirectory, 'lib'))
  for (const entry of await readdir(join(original, 'lib'), { withFileTypes: true })) {
    const [from, to] = [join(original, 'lib', entry.name), join(nativeDirectory, 'lib', entry.name)]
    if (entry.isFile()) await link(from, to).catch(() => copyFile(from, to))
    if (entry.isDirectory()) await symlink(from, to)
  }
  await symlink(join(original, 'share'), join(nativeDirectory, 'share'))
  await copyFile(join(original, 'pg-symlinks.json'), join(nativeDirectory, 'pg-symlinks.json'))
  return { nativeDirectory, packageVersion }
}

test('links and run bits that an install without scripts leaves out are put back', async () => {
  const parent = await makeDirectory()
  const installed = await installWithoutScripts(parent)
  await expect(lstat(join(installed.nativeDirectory, 'lib', 'libicuuc.so.60'))).rejects.toThrow(/ENOENT/)
  const options = {
    account: await chooseAccount('/nonexistent'),
    copiesDirectory: join(parent, 'copies'),
    log: createLog('silent'),
  }
  const binaries = await prepareBinaries(installed, options)
  expect(binaries).toEqual({
    initdb: join(installed.nativeDirectory, 'bin', 'initdb'),
    postgres: join(installed.nativeDirectory, 'bin', 'postgres'),
    majorVersion: installed.packageVersion.split('.')[0],
  })
  expect(await readlink(join(installed.nativeDirectory, 'lib', 'libicuuc.so.60'))).toMatch(/^libicuuc\.so\.60\.\d+$/)
  await expect(readdir(join(parent, 'copies'))).rejects.toThrow(/ENOENT/)
  expect(await prepareBinaries(installed, options)).toEqual(binaries)
})

test.runIf(isRoot)('binaries in a home directory that the server’s user may not enter are copied once', async () => {
  const parent = await makeDirectory()
  const installed = await installWithoutScripts(join(parent, 'home'))
  await chmod(parent, 0o755)
  await chmod(join(parent, 'home'), 0o700)
  const options = {
    account: await chooseAccount('/nonexistent'),
    copiesDirectory: join(parent, 'copies'),
    log: createLog('silent'),
  }
  const binaries = await prepareBinaries(installed, options)
  const copy = join(parent, 'copies', `postgres-${installed.packageVersion}`)
  expect(binaries.postgres).toBe(join(copy, 'bin', 'postgres'))
  const { ino } = await stat(copy)
  await prepareBinaries(installed, options)
  expect((await stat(copy)).ino).toBe(ino)
})

test.runIf(isRoot)('a data directory that the server’s user may not enter keeps its cluster elsewhere', async () => {
  const directory = await makeDirectory()
  await mkdir(directory, { mode: 0o700 })
  const sharedDirectory = join(dirname(directory), 'shared')
  const { url, pid, messages, stop } = await startHere(directory, { sharedDirectory })
  await withClient(url, (client) => client.query('create table kept (id int)'))
  const location = (await readFile(join(directory, 'location'), 'utf8')).trim()
  expect(dirname(location)).toBe(sharedDirectory)
  expect(messages.join()).toContain(location)
  expect(await readdir(directory)).toEqual(['location'])
  await stop()
  expect(isRunning(pid)).toBe(false)

  const again = await startHere(directory, { sharedDirectory: '/nonexistent' })
  await withClient(again.url, (client) => client.query('select * from kept'))
  await again.stop()
})

test('root hands the server to postgres, else to nobody, else says so', () => {
  const nobody = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533::/:/bin/false\n'
  expect(findAccount(nobody)).toEqual({ name: 'nobody', uid: 65534, gid: 65533 })
  expect(findAccount(`${nobody}postgres:x:70:71::/var/lib/postgresql:/bin/sh\n`)).toEqual({
    name: 'postgres',
    uid: 70,
    gid: 71,
  })
  expect(() => findAccount('root:x:0:0::/root:/bin/sh\n')).toThrow(/neither "postgres" nor "nobody"/)
  expect(() => findAccount('')).toThrow(/ordinary user/)
})
