import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { readConfig } from '../../worker/config.ts'
import { isFreePort } from '../../worker/db/postgres/port.ts'
import { isRunning, readPostmaster } from '../../worker/db/postgres/postmaster.ts'
import { createTestDatabase } from '../support/database.ts'
import { withClient } from '../support/test-server.ts'
import { createPrograms, descendantsOf, type Program, processesOf, until } from './program.ts'

// Real clusters are made and real processes ended: each takes seconds.
vi.setConfig({ testTimeout: 180_000 })

const programs = createPrograms()
afterEach(() => programs.settle(), 60_000)
afterAll(() => programs.clean(), 60_000)

/** Starts everything in a data folder, on free ports, with nothing else in the environment. */
const start = (folder: string, environment: Record<string, string> = {}): Program =>
  programs.run('start.ts', [], {
    REFRAIN_DATA_DIR: folder,
    PORT: '0',
    INDEXER_PORT: '0',
    LOG_LEVEL: 'error',
    ...environment,
  })

async function urlOf(program: Program): Promise<string> {
  const [, url] = await program.untilSays(/Refrain is ready: (http:\S+)\/graphql\n/, 120)
  return url
}

const health = async (url: string): Promise<Record<string, unknown>> =>
  (await fetch(`${url}/health`).then((answer) => answer.json())) as Record<string, unknown>

const isHealthy = (url: string) =>
  health(url).then(
    (answer) => answer.status === 'ok' && answer.workersAlive === 1,
    () => false,
  )

const postmasterOf = (folder: string) => readPostmaster(join(folder, 'postgres', 'cluster'))

async function postmasterPid(folder: string): Promise<number> {
  const postmaster = await postmasterOf(folder)
  // Not 0 instead: that stands for all of our own process group.
  if (!postmaster) throw new Error(`no PostgreSQL serves ${folder}`)
  return postmaster.pid
}

/** The worker or API process that serves a data folder, once there is one other than `before`. */
async function childOf(folder: string, module: string, before = 0): Promise<number> {
  let found: readonly { readonly pid: number }[] = []
  await until(async () => {
    found = (await processesOf(folder)).filter(({ pid, command }) => command.includes(module) && pid !== before)
    return found.length > 0
  }, 30)
  expect(found).toHaveLength(1)
  return found[0].pid
}

const nothingRuns = (folder: string) => until(async () => (await processesOf(folder)).length === 0, 30)

const folder = await programs.makeFolder()

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`it comes up, serves, and ends at ${signal} within seconds leaving no process`, async () => {
    const program = start(folder)
    const url = await urlOf(program)
    await until(() => isHealthy(url))
    expect(await health(url)).toMatchObject({ status: 'ok', database: 'reachable', workersAlive: 1 })
    const postmaster = await postmasterPid(folder)
    const children = await descendantsOf(program.pid)
    expect(isRunning(postmaster)).toBe(true)
    expect(children.length).toBeGreaterThanOrEqual(3)
    const toldAt = Date.now()
    program.kill(signal)
    program.kill(signal)
    expect(await program.ended).toMatchObject({ exitCode: 0, stderr: '' })
    expect(Date.now() - toldAt).toBeLessThan(15_000)
    await nothingRuns(folder)
    for (const pid of [postmaster, ...children]) expect(isRunning(pid)).toBe(false)
    expect(await postmasterOf(folder)).toBeUndefined()
  })
}

test('a killed worker, API or database is started again, the API at the same address', async () => {
  const program = start(folder)
  const url = await urlOf(program)
  await until(() => isHealthy(url))
  const worker = await childOf(folder, 'worker/main.ts')
  process.kill(worker, 'SIGKILL')
  expect(await childOf(folder, 'worker/main.ts', worker)).not.toBe(worker)
  await until(() => isHealthy(url), 30)

  const api = await childOf(folder, 'api/main.ts')
  process.kill(api, 'SIGKILL')
  expect(await childOf(folder, 'api/main.ts', api)).not.toBe(api)
  await until(() => isHealthy(url), 30)

  const postmaster = await postmasterPid(folder)
  process.kill(postmaster, 'SIGKILL')
  await until(() => !isRunning(postmaster))
  await until(() => isHealthy(url), 60)
  program.kill('SIGTERM')
  const { exitCode, stderr } = await program.ended
  expect(exitCode).toBe(0)
  expect(stderr).toContain('the worker process ended by itself and is started again')
  expect(stderr).toContain('PostgreSQL ended by itself and is started again')
  await nothingRuns(folder)
})

test('after kill -9 of the launcher its children end by themselves, and the next start adopts the database', async () => {
  const killed = start(folder)
  const url = await urlOf(killed)
  await until(() => isHealthy(url))
  const postmaster = await postmasterPid(folder)
  const children = [await childOf(folder, 'worker/main.ts'), await childOf(folder, 'api/main.ts')]
  killed.kill('SIGKILL')
  await until(() => children.every((pid) => !isRunning(pid)), 20)
  expect(isRunning(postmaster)).toBe(true)

  const next = start(folder)
  const nextUrl = await urlOf(next)
  await until(() => isHealthy(nextUrl), 30)
  expect((await postmasterOf(folder))?.pid).toBe(postmaster)
  next.kill('SIGTERM')
  expect(await next.ended).toMatchObject({ exitCode: 0 })
  await nothingRuns(folder)
})

test('two on one data folder share the database; the second on a taken port says so and harms nothing', async () => {
  const first = start(folder)
  const url = await urlOf(first)
  const refused = await start(folder, { PORT: new URL(url).port }).ended
  expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
  expect(refused.stderr).toMatch(
    /^port \d+ on 127\.0\.0\.1 is taken: set PORT to another one, or to 0 for a free one\n$/,
  )
  await until(() => isHealthy(url))

  const second = start(folder)
  const secondUrl = await urlOf(second)
  expect(secondUrl).not.toBe(url)
  await until(async () => (await health(url)).workersAlive === 2)
  first.kill('SIGINT')
  expect(await first.ended).toMatchObject({ exitCode: 0 })
  await until(() => isHealthy(secondUrl))
  second.kill('SIGINT')
  expect(await second.ended).toMatchObject({ exitCode: 0 })
  await nothingRuns(folder)
})

test('stopped while it starts, it leaves nothing running', async () => {
  const program = start(folder)
  await until(async () => (await postmasterOf(folder)) !== undefined, 60)
  program.kill('SIGINT')
  expect(await program.ended).toMatchObject({ exitCode: 0, stdout: '' })
  await nothingRuns(folder)
})

test('a taken port ends it with a clear message and nothing left running', async () => {
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  const port = typeof address === 'object' ? String(address?.port) : ''
  const { exitCode, stdout, stderr } = await start(folder, { PORT: port }).ended
  listener.close()
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  expect(stderr).toBe(`port ${port} on 127.0.0.1 is taken: set PORT to another one, or to 0 for a free one\n`)
  await nothingRuns(folder)
})

test('the usual port of the indexer may be taken: it takes another one, and only a named one is insisted on', async () => {
  const { INDEXER_PORT: usual } = readConfig({})
  // Where somebody else has it, it is as taken.
  const listener = createServer().on('error', () => undefined)
  listener.listen(usual, '127.0.0.1')
  await until(async () => !(await isFreePort(usual)))
  const program = start(folder, { INDEXER_PORT: '', LOG_LEVEL: 'warn' })
  await urlOf(program)
  program.kill('SIGTERM')
  const { exitCode, stderr } = await program.ended
  expect(exitCode).toBe(0)
  expect(stderr).toMatch(new RegExp(`port ${usual} is in use by another program; the indexer takes \\d+`))
  const named = await start(folder, { INDEXER_PORT: String(usual) }).ended
  listener.close()
  expect(named).toMatchObject({ exitCode: 1, stdout: '' })
  expect(named.stderr).toContain(`port ${usual} on 127.0.0.1 is taken: set INDEXER_PORT`)
  await nothingRuns(folder)
})

test('a wrong configuration names every fault at once, those of providers too, and starts nothing', async () => {
  const untouched = await programs.makeFolder()
  const { exitCode, stdout, stderr } = await start(untouched, {
    PORT: 'eighty',
    LOG_LEVEL: 'loud',
    API_TOKEN: 'short',
    ALIGNMENT_PROVIDER: 'elevenlabs',
    SEPARATION_PROVIDER: 'magic',
  }).ended
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  for (const fault of ['PORT', 'LOG_LEVEL', 'API_TOKEN', 'ELEVENLABS_API_KEY', 'SEPARATION_PROVIDER'])
    expect(stderr).toMatch(new RegExp(`^- .*${fault}`, 'm'))
  expect(stderr).toMatch(/^the configuration has 5 faults:/)
  expect(stderr).not.toContain('short')
  expect(await processesOf(untouched)).toEqual([])
})

test('with DATABASE_URL it runs on that PostgreSQL and starts none; an edited migration stops it', async () => {
  const database = await createTestDatabase()
  const elsewhere = await programs.makeFolder()
  const environment = { DATABASE_URL: database.url }
  const program = start(elsewhere, environment)
  const url = await urlOf(program)
  await until(() => isHealthy(url))
  expect((await processesOf(elsewhere)).filter(({ command }) => command.includes('postgres'))).toEqual([])
  program.kill('SIGTERM')
  expect(await program.ended).toMatchObject({ exitCode: 0 })

  await withClient(database.url, (client) => client.query("update refrain_migrations set sha256 = 'edited'"))
  const { exitCode, stdout, stderr } = await start(elsewhere, environment).ended
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  expect(stderr).toMatch(/^migration \S+\.sql was edited after it had been applied: restore the file/)
  await nothingRuns(elsewhere)
  await database.drop()
})

test('a database that cannot be reached is named without its password', async () => {
  const elsewhere = await programs.makeFolder()
  const { exitCode, stderr } = await start(elsewhere, { DATABASE_URL: 'postgres://me:secret@localhost:1/none' }).ended
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/ECONNREFUSED/)
  expect(stderr).not.toContain('secret')
})
