import { chown, mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { chooseAccount } from '../../worker/db/postgres/account.ts'
import { isRunning } from '../../worker/db/postgres/postmaster.ts'
import { createPlayground, startHere } from '../support/supervisor.ts'
import { withClient } from '../support/test-server.ts'

const { makeDirectory, superviseElsewhere, clean } = createPlayground()
afterAll(clean)
// Making a cluster takes a second, more on a busy machine.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

/** A data directory that tests share for which a fresh one is not the point. */
let directory: string
beforeAll(async () => {
  directory = await makeDirectory()
})

const query = (url: string, text: string) => withClient(url, async (client) => (await client.query(text)).rows)

test('the first start makes a UTF-8 database without any locale in the environment, and later starts keep it', async () => {
  for (const name of Object.keys(process.env)) if (/^(LANG|LC_)/.test(name)) delete process.env[name]

  const first = await startHere(directory)
  expect(first.isAdopted).toBe(false)
  expect(first.version).toMatch(/^\d+\.\d+$/)
  await query(first.url, `create table words (word text); insert into words values ('ß'), ('Zäh'), ('łza')`)
  expect(
    await query(
      first.url,
      `select current_database() as name, pg_encoding_to_char(encoding) as encoding, datlocprovider as provider,
              datlocale as locale, upper('łza') as upper from pg_database where datname = current_database()`,
    ),
  ).toEqual([{ name: 'refrain', encoding: 'UTF8', provider: 'b', locale: 'C.UTF-8', upper: 'ŁZA' }])
  await first.stop()
  expect(isRunning(first.pid)).toBe(false)

  const second = await startHere(directory)
  expect(second.isAdopted).toBe(false)
  expect(second.url).toBe(first.url)
  expect(await query(second.url, 'select word from words')).toHaveLength(3)
  await second.stop()
  await second.stop()
  expect(isRunning(second.pid)).toBe(false)
})

test('the server listens on the loopback address only and asks for the password', async () => {
  const { url, stop } = await startHere(directory, { settings: { work_mem: '5MB' } })
  const [settings] = await query(
    url,
    `select current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets,
            current_setting('jit') as jit, current_setting('shared_buffers') as buffers, current_setting('work_mem') as work,
            current_setting('fsync') as fsync`,
  )
  expect(settings).toEqual({
    addresses: '127.0.0.1',
    sockets: '',
    jit: 'off',
    buffers: '256MB',
    work: '5MB',
    fsync: 'on',
  })

  const wrong = new URL(url)
  const password = wrong.password
  wrong.password = 'wrong'
  await expect(query(wrong.href, 'select 1')).rejects.toThrow(/password authentication failed/)
  expect((await stat(join(directory, 'password'))).mode & 0o777).toBe(0o600)
  expect(await readFile(join(directory, 'postgres.log'), 'utf8')).not.toContain(password)
  await stop()
})

test('a data directory may have spaces and quotes in its path', async () => {
  const directory = await makeDirectory(`it's a "data" dir $HOME`)
  const { url, pid, stop } = await startHere(directory)
  expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
  await stop()
  expect(isRunning(pid)).toBe(false)
})

test('a server survives Ctrl-C and the kill of its supervisor; the next one adopts it and stops it', async () => {
  const killed = superviseElsewhere(directory)
  const orphan = await killed.started
  await withClient(orphan.url, async (client) => {
    process.kill(-Number(killed.child.pid), 'SIGINT')
    await killed.kill()

    const adopted = await startHere(directory)
    expect(adopted).toMatchObject({ isAdopted: true, pid: orphan.pid, url: orphan.url })
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    client.on('error', () => undefined)
    await adopted.stop()
  })
  expect(isRunning(orphan.pid)).toBe(false)
})

test('supervisors that start at the same instant share one server, and the last to leave stops it', async () => {
  const directory = await makeDirectory()
  const elsewhere = [superviseElsewhere(directory), superviseElsewhere(directory)]
  const here = await Promise.all([startHere(directory), startHere(directory)])
  const servers = [...here, ...(await Promise.all(elsewhere.map(({ started }) => started)))]
  expect(new Set(servers.map(({ pid }) => pid)).size).toBe(1)
  expect(servers.filter(({ isAdopted }) => !isAdopted)).toHaveLength(1)
  for (const { url } of servers) expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])

  const { pid } = servers[0]
  await Promise.all([here[0].stop(), elsewhere[0].stop(), elsewhere[1].kill()])
  expect(isRunning(pid)).toBe(true)
  await here[1].stop()
  expect(isRunning(pid)).toBe(false)
})

test('force stops a server that others still use', async () => {
  const other = superviseElsewhere(directory)
  const { pid } = await other.started
  const here = await startHere(directory)
  expect(here.isAdopted).toBe(true)
  await here.stop({ force: true })
  expect(isRunning(pid)).toBe(false)
  await other.stop()
})

test.runIf(process.getuid?.() === 0)('an ordinary user keeps everything in the data directory', async () => {
  const account = await chooseAccount('/nonexistent')
  const directory = await makeDirectory()
  await mkdir(directory, { mode: 0o700 })
  await chown(directory, Number(account?.uid), Number(account?.gid))
  const supervisor = superviseElsewhere(directory, account)
  const { url, pid } = await supervisor.started
  expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
  expect((await stat(join(directory, 'cluster'))).uid).toBe(account?.uid)
  await supervisor.stop()
  expect(isRunning(pid)).toBe(false)
})
