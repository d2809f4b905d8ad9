import { spawn } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { chooseAccount } from '../../worker/db/postgres/account.ts'
import { failureReason, PostgresFailed } from '../../worker/db/postgres/failure.ts'
import { tryLock } from '../../worker/db/postgres/lock.ts'
import { isRunning } from '../../worker/db/postgres/postmaster.ts'
import { createPlayground, startHere } from '../support/supervisor.ts'
import { withClient } from '../support/test-server.ts'

const { makeDirectory, superviseElsewhere, clean } = createPlayground()
afterAll(clean)
// Making a cluster takes a second, more on a busy machine.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const one = (url: string) => withClient(url, async (client) => (await client.query('select 1 as one')).rows)

/** A stopped cluster that the tests of this file share; each leaves it stopped and whole. */
let directory: string
beforeAll(async () => {
  directory = await makeDirectory()
  await (await startHere(directory)).stop()
})

test('a kill during initdb does not block the next start', async () => {
  const fresh = await makeDirectory()
  const supervisor = superviseElsewhere(fresh)
  const isHalf = async () => (await readdir(fresh).catch(() => [])).some((name) => /^cluster\..*\.new$/.test(name))
  while (!(await isHalf())) await delay(5)
  await delay(100)
  expect(await isHalf()).toBe(true)
  await supervisor.kill()

  const { url, stop } = await startHere(fresh)
  expect(await one(url)).toEqual([{ one: 1 }])
  await stop()
  expect((await readdir(fresh)).filter((name) => name.endsWith('.new'))).toEqual([])
})

test('an abort during initdb leaves nothing running and nothing half made', async () => {
  const fresh = await makeDirectory()
  const reason = new Error('changed my mind')
  const abort = new AbortController()
  setTimeout(() => abort.abort(reason), 250)
  await expect(startHere(fresh, { signal: abort.signal })).rejects.toBe(reason)
  expect((await readdir(fresh)).filter((name) => /cluster|password/.test(name))).toEqual([])
  await expect(startHere(fresh, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})

test('a server that was killed is started again, and its data recovered', async () => {
  const killed = await startHere(directory)
  await withClient(killed.url, (client) => client.query('create table kept (id int)'))
  process.kill(killed.pid, 'SIGKILL')
  const { url, pid, isAdopted, stop } = await startHere(directory)
  expect({ isAdopted, isNew: pid !== killed.pid }).toEqual({ isAdopted: false, isNew: true })
  await withClient(url, (client) => client.query('select * from kept'))
  await killed.stop()
  expect(isRunning(pid)).toBe(true)
  await stop()
  expect(isRunning(pid)).toBe(false)
})

test('a pid file left by a crash may name a stranger that now has that pid', async () => {
  const { pid, stop } = await startHere(directory)
  const file = join(directory, 'cluster', 'postmaster.pid')
  const text = await readFile(file, 'utf8')
  process.kill(pid, 'SIGKILL')
  while (isRunning(pid)) await delay(10)
  await stop()
  // PostgreSQL itself refuses to start then, if the stranger runs as the same user.
  const account = await chooseAccount(join(directory, 'cluster'))
  const stranger = spawn('sleep', ['60'], account ? { uid: account.uid, gid: account.gid } : {})
  try {
    await writeFile(file, text.replace(/^\d+/, String(stranger.pid)))
    const started = await startHere(directory)
    expect(started.isAdopted).toBe(false)
    expect(await one(started.url)).toEqual([{ one: 1 }])
    await started.stop()
    expect(stranger.exitCode).toBe(null)
  } finally {
    stranger.kill('SIGKILL')
  }
})

test('a demanded port that is taken is an error that names it', async () => {
  const rival = createServer()
  await new Promise<void>((resolve) => rival.listen(0, '127.0.0.1', resolve))
  const { port } = rival.address() as AddressInfo
  await expect(startHere(directory, { port })).rejects.toMatchObject({
    kind: 'CONFLICT',
    message: expect.stringContaining(`127.0.0.1:${port}`),
  })
  rival.close()
  const { url, stop } = await startHere(directory, { port })
  expect(new URL(url).port).toBe(String(port))
  await stop()
})

test('a kept port that somebody else took meanwhile is replaced, and a person is told', async () => {
  const before = await startHere(directory)
  await before.stop()
  const port = Number(new URL(before.url).port)
  const rival = createServer()
  await new Promise<void>((resolve) => rival.listen(port, '127.0.0.1', resolve))
  const after = await startHere(directory)
  expect(Number(new URL(after.url).port)).not.toBe(port)
  expect(await one(after.url)).toEqual([{ one: 1 }])
  expect(after.messages.join()).toContain(String(port))
  await after.stop()
  rival.close()
})

test.each(['17', '19'])('a cluster of PostgreSQL %s is refused with what to do', async (found) => {
  const versioned = await makeDirectory()
  await mkdir(versioned)
  await cp(join(directory, 'password'), join(versioned, 'password'))
  await mkdir(join(versioned, 'cluster'), { mode: 0o700 })
  await writeFile(join(versioned, 'cluster', 'PG_VERSION'), `${found}\n`)
  const started = startHere(versioned)
  await expect(started).rejects.toThrow(`written by PostgreSQL ${found}`)
  await expect(started).rejects.toThrow(/move the directory away/)
  expect(await readdir(join(versioned, 'cluster'))).toEqual(['PG_VERSION'])
})

test('a lost password, a strange cluster folder and a broken configuration are explained', async () => {
  const password = join(directory, 'password')
  const kept = await readFile(password, 'utf8')
  await rm(password)
  await expect(startHere(directory)).rejects.toThrow(/password file .* is missing/)

  const strange = await makeDirectory()
  await mkdir(join(strange, 'cluster'), { recursive: true })
  await writeFile(join(strange, 'cluster', 'notes.txt'), 'mine')
  await expect(startHere(strange)).rejects.toThrow(/no PG_VERSION/)

  await writeFile(password, kept, { mode: 0o600 })
  await expect(startHere(directory, { settings: { shared_buffers: 'lots' } })).rejects.toThrow(
    /invalid value for parameter "shared_buffers"/,
  )
})

test('a running server that refuses the kept password is not taken for ours', async () => {
  const password = join(directory, 'password')
  const kept = await readFile(password, 'utf8')
  const { pid, stop } = await startHere(directory)
  await writeFile(password, 'another\n')
  await expect(startHere(directory)).rejects.toMatchObject({ kind: 'CONFLICT' })
  expect(isRunning(pid)).toBe(true)
  await writeFile(password, kept)
  await stop()
})

test('a data directory in use from another container is refused', async () => {
  await writeFile(join(directory, 'host'), 'elsewhere pid:[1]\n')
  const user = tryLock(join(directory, 'supervisors.lock'), 'shared')
  try {
    await expect(startHere(directory)).rejects.toThrow(/another machine or container \(elsewhere/)
  } finally {
    user?.release()
  }
  const { url, stop } = await startHere(directory)
  expect(await one(url)).toEqual([{ one: 1 }])
  await stop()
})

test('a start that fails after the server runs leaves no server', async () => {
  const { url, stop } = await startHere(directory)
  await withClient(url, (client) => client.query(`alter role refrain password 'changed'`))
  await stop()
  await expect(startHere(directory)).rejects.toThrow(/refuses the password in .*password\. If somebody changed/)
  expect(await readdir(join(directory, 'cluster'))).not.toContain('postmaster.pid')
})

test('what PostgreSQL says is sorted by what helps', () => {
  expect(failureReason('FATAL:  could not write lock file "postmaster.pid": No space left on device')).toBe('diskFull')
  expect(failureReason('FATAL:  could not open file "base": Permission denied')).toBe('notPermitted')
  expect(failureReason('FATAL:  data directory "/d" has wrong ownership')).toBe('notPermitted')
  expect(failureReason('FATAL:  could not map anonymous shared memory: Cannot allocate memory')).toBe('memory')
  expect(failureReason('initdb: error: could not look up effective user ID 1234: user does not exist')).toBe(
    'noSuchUser',
  )
  expect(failureReason('FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use')).toBe('locked')
  expect(failureReason('')).toBe('other')
  const { message } = new PostgresFailed('Starting PostgreSQL', '/d', 'first\nFATAL:  No space left on device\n')
  expect(message).toMatch(/in \/d failed\. The disk is full.*\nfirst\nFATAL: {2}No space left/)
})
