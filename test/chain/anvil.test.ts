import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { findAnvil } from '../../worker/chain/anvil/binary.ts'
import { tryLock } from '../../worker/db/postgres/lock.ts'
import { isRunning } from '../../worker/db/postgres/postmaster.ts'
import { ask, createPlayground, pay, sender, startHere } from './anvil-playground.ts'

const { makeDirectory, superviseElsewhere, clean } = createPlayground()
afterAll(clean)

interface Block {
  readonly hash: string
  readonly number: string
}
const block = (url: string, at = 'latest') => ask<Block>(url, 'eth_getBlockByNumber', [at, false])

async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`waited in vain for: ${what}`)
    await delay(10)
  }
}

test('a chain that was stopped comes back with its hashes, receipts, clock and the states of past blocks', async () => {
  const directory = await makeDirectory()
  const { anvil: before } = await startHere(directory)
  expect(new URL(before.url).hostname).toBe('127.0.0.1')
  expect(Number(await ask(before.url, 'eth_chainId'))).toBe(31_337)
  const receipts = []
  for (let number = 0; number < 5; number++) receipts.push(await pay(before.url, number))
  const [genesis, head] = await Promise.all([block(before.url, '0x0'), block(before.url)])
  const balanceAt2 = await ask(before.url, 'eth_getBalance', [sender, '0x2'])
  await before.stop()
  expect(isRunning(before.pid)).toBe(false)

  const { anvil: after } = await startHere(directory)
  expect(after.isAdopted).toBe(false)
  expect(after.url).toBe(before.url)
  expect(await block(after.url, '0x0')).toEqual(genesis)
  expect(await block(after.url)).toEqual(head)
  expect(await ask(after.url, 'eth_getBalance', [sender, '0x2'])).toBe(balanceAt2)
  const next = await pay(after.url, 6)
  expect(Number(next.blockNumber)).toBe(Number(head.number) + 1)
  const { timestamp } = await ask<{ timestamp: string }>(after.url, 'eth_getBlockByNumber', ['latest', false])
  expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(5)
  await after.stop()
})

test('an anvil that is killed ten times in the middle of traffic is back within a second, no older than its last save', async () => {
  const directory = await makeDirectory()
  const { anvil } = await startHere(directory)
  const state = join(directory, 'state.json.gz')
  const genesis = await block(anvil.url, '0x0')
  let isBusy = true
  const seen = new Map<number, string>()
  const traffic = (async () => {
    for (let number = 0; isBusy; number++) {
      await pay(anvil.url, number)
        .then(({ blockNumber, blockHash }) => seen.set(Number(blockNumber), blockHash))
        .catch(() => undefined)
      await delay(10)
    }
  })()
  const outagesMs: number[] = []
  for (let kill = 0; kill < 10; kill++) {
    await delay(Math.random() * 300)
    // The head before a save that is seen to end must survive the kill.
    const before = await block(anvil.url)
    const { mtimeMs } = await stat(state)
    await until(async () => (await stat(state)).mtimeMs > mtimeMs, 'a save')
    const afterFirst = (await stat(state)).mtimeMs
    await until(async () => (await stat(state)).mtimeMs > afterFirst, 'a save that began after the head was read')
    await delay(Math.random() * 100)
    const { pid } = anvil
    process.kill(pid, 'SIGKILL')
    const killedAt = performance.now()
    await until(async () => anvil.pid !== pid && (await block(anvil.url)) !== null, 'the next anvil')
    outagesMs.push(performance.now() - killedAt)
    expect(await block(anvil.url, before.number)).toMatchObject({ hash: before.hash })
    expect(await block(anvil.url, '0x0')).toMatchObject({ hash: genesis.hash })
  }
  isBusy = false
  await traffic
  expect(outagesMs.toSorted((one, other) => one - other)[4]).toBeLessThan(1000)
  expect(seen.size).toBeGreaterThan(20)
  await anvil.stop()
})

test('the clock of a chain goes on after a restart and never back, also when somebody has moved it into the future', async () => {
  const directory = await makeDirectory()
  const { anvil: before } = await startHere(directory)
  const timeAt = async (url: string, at = 'latest') =>
    Number((await ask<{ timestamp: string }>(url, 'eth_getBlockByNumber', [at, false])).timestamp)
  await pay(before.url, 1)
  await ask(before.url, 'evm_increaseTime', [100_000])
  await pay(before.url, 2)
  await before.stop()
  const { anvil: after } = await startHere(directory)
  await pay(after.url, 3)
  expect((await timeAt(after.url, '0x2')) - Date.now() / 1000).toBeGreaterThan(99_000)
  expect(await timeAt(after.url, '0x3')).toBeGreaterThanOrEqual(await timeAt(after.url, '0x2'))
  await after.stop()
})

test('a chain that had a quiet moment keeps the states of past blocks through a kill', async () => {
  const directory = await makeDirectory()
  const { anvil } = await startHere(directory)
  for (let number = 0; number < 4; number++) await pay(anvil.url, number)
  const balanceAt2 = await ask(anvil.url, 'eth_getBalance', [sender, '0x2'])
  await delay(2800)
  const { pid } = anvil
  process.kill(pid, 'SIGKILL')
  await until(async () => anvil.pid !== pid && (await block(anvil.url)) !== null, 'the next anvil')
  expect(await ask(anvil.url, 'eth_getBalance', [sender, '0x2'])).toBe(balanceAt2)
  await anvil.stop()
})

test('a chain whose supervisor was killed goes on, is adopted, and is stopped by the one that adopted it', async () => {
  const directory = await makeDirectory()
  const dead = superviseElsewhere(directory)
  const { url, pid } = await dead.started
  await pay(url, 1)
  await dead.kill()
  await pay(url, 2)
  const { anvil } = await startHere(directory)
  expect({ isAdopted: anvil.isAdopted, url: anvil.url, pid: anvil.pid }).toEqual({ isAdopted: true, url, pid })
  const head = await block(url)
  expect(Number(head.number)).toBe(2)
  await anvil.stop()
  expect(isRunning(pid)).toBe(false)
  const { anvil: next } = await startHere(directory)
  expect(await block(next.url)).toEqual(head)
  await next.stop()
})

test('an anvil that nobody supervises any more saves itself when the machine is shut down', async () => {
  const directory = await makeDirectory()
  const dead = superviseElsewhere(directory)
  const { url, pid } = await dead.started
  await dead.kill()
  for (let number = 0; number < 3; number++) await pay(url, number)
  const head = await block(url)
  process.kill(pid, 'SIGTERM')
  await until(async () => !isRunning(pid), 'its end')
  const { anvil } = await startHere(directory)
  expect(await block(anvil.url)).toEqual(head)
  await anvil.stop()
})

test('a supervisor killed while it stopped the chain leaves one that mines again once adopted', async () => {
  const directory = await makeDirectory()
  const dead = superviseElsewhere(directory)
  const { url } = await dead.started
  await dead.kill()
  await ask(url, 'evm_setAutomine', [false])
  const { anvil } = await startHere(directory)
  expect(Number((await pay(anvil.url, 1)).blockNumber)).toBe(1)
  await anvil.stop()
})

test('two supervisors share one chain; when the one that kept it is killed the other keeps it; the last to leave stops it', async () => {
  const directory = await makeDirectory()
  const first = superviseElsewhere(directory)
  const { url } = await first.started
  const [{ anvil: second }, { anvil: third }] = await Promise.all([startHere(directory), startHere(directory)])
  expect([second.isAdopted, third.isAdopted, second.url, third.url]).toEqual([true, true, url, url])
  await pay(url, 1)
  await first.kill()
  const { pid } = second
  process.kill(pid, 'SIGKILL')
  await until(async () => (await block(url)) !== null, 'the next anvil')
  await until(async () => second.pid !== pid && third.pid === second.pid, 'both to know it')
  await second.stop()
  expect(isRunning(third.pid)).toBe(true)
  await pay(url, 2)
  await third.stop()
  expect(isRunning(third.pid)).toBe(false)
})

test('many supervisors that start at once in several processes start one anvil', async () => {
  const directory = await makeDirectory()
  const supervisors = [superviseElsewhere(directory), superviseElsewhere(directory), superviseElsewhere(directory)]
  const started = await Promise.all(supervisors.map((supervisor) => supervisor.started))
  expect(new Set(started.map(({ pid }) => pid)).size).toBe(1)
  expect(started.filter(({ isAdopted }) => !isAdopted)).toHaveLength(1)
  await Promise.all(supervisors.map((supervisor) => supervisor.stop()))
  expect(isRunning(started[0].pid)).toBe(false)
})

test.each([
  ['cut short', (path: string) => truncate(path, 200)],
  ['scribbled over', (path: string) => writeFile(path, 'not a state at all')],
])('a saved state that is %s is set aside with a warning, and the one before is used', async (_, damage) => {
  const directory = await makeDirectory()
  const { anvil } = await startHere(directory)
  const first = await pay(anvil.url, 1)
  await delay(600)
  await pay(anvil.url, 2)
  await anvil.stop()
  await damage(join(directory, 'state.json.gz'))

  const { anvil: after, messages } = await startHere(directory)
  expect(await block(after.url, first.blockNumber)).toMatchObject({ hash: first.blockHash })
  expect(messages.join()).toMatch(/state of the embedded chain is damaged: it is kept as/)
  expect((await readdir(directory)).filter((name) => name.startsWith('state.json.gz.damaged-'))).toHaveLength(1)
  await after.stop()
})

test('a chain none of whose saved states can be read is not replaced by an empty one unasked', async () => {
  const directory = await makeDirectory()
  const { anvil } = await startHere(directory)
  await anvil.stop()
  await writeFile(join(directory, 'state.json.gz'), '')
  await writeFile(join(directory, 'state.previous.json.gz'), '')
  await expect(startHere(directory)).rejects.toThrow(/No saved state .* can be read\. Restore .* or move .* away/)
  expect(await readdir(directory)).toContain('state.previous.json.gz')
})

test('a demanded port that is taken is an error that names it; a kept one is replaced, and a person is told', async () => {
  const directory = await makeDirectory()
  const { anvil: before } = await startHere(directory)
  await before.stop()
  const port = Number(new URL(before.url).port)
  const rival = createServer()
  await new Promise<void>((resolve) => rival.listen(port, '127.0.0.1', resolve))
  await expect(startHere(directory, { port })).rejects.toMatchObject({
    kind: 'CONFLICT',
    message: expect.stringContaining(`127.0.0.1:${(rival.address() as AddressInfo).port}`),
  })
  const { anvil: after, messages } = await startHere(directory)
  expect(after.url).not.toBe(before.url)
  expect(messages.join()).toContain(`port ${port} is in use`)
  await after.stop()
  rival.close()
  const { anvil: demanded } = await startHere(directory, { port })
  expect(demanded.url).toBe(before.url)
  await demanded.stop()
})

test('a killed anvil whose port is taken meanwhile waits for the port', async () => {
  const directory = await makeDirectory()
  const { anvil, messages } = await startHere(directory)
  const { pid } = anvil
  const rival = createServer()
  process.kill(pid, 'SIGSTOP')
  process.kill(pid, 'SIGKILL')
  await until(
    () =>
      new Promise((resolve) =>
        rival
          .once('error', () => resolve(false))
          .listen(Number(new URL(anvil.url).port), '127.0.0.1', () => resolve(true)),
      ),
    'the port to be free for a moment',
  ).catch(() => undefined)
  if (rival.listening) {
    await until(async () => messages.join().includes('will be tried again'), 'a failed start')
    await new Promise((resolve) => rival.close(resolve))
  }
  await until(async () => anvil.pid !== pid && (await block(anvil.url)) !== null, 'the next anvil')
  await anvil.stop()
})

test('an anvil that cannot be started again is given up with the reason', async () => {
  const directory = await makeDirectory()
  const { anvil } = await startHere(directory)
  await delay(300)
  for (const name of ['state.json.gz', 'state.previous.json.gz']) await writeFile(join(directory, name), 'nothing')
  process.kill(anvil.pid, 'SIGKILL')
  await expect(anvil.failed).rejects.toThrow(/No saved state/)
  await anvil.stop()
}, 60_000)

test('an aborted start and a missing package leave nothing running and say why', async () => {
  const directory = await makeDirectory()
  const reason = new Error('changed my mind')
  await expect(startHere(directory, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  const abort = new AbortController()
  setTimeout(() => abort.abort(reason), 25)
  await startHere(directory, { signal: abort.signal }).then(
    ({ anvil }) => anvil.stop(),
    (error) => expect(error).toBe(reason),
  )
  const record = await readFile(join(directory, 'anvil.json'), 'utf8').catch(() => '')
  if (record) expect(isRunning(JSON.parse(record).pid)).toBe(false)
  await expect(findAnvil('plan9', 'mips')).rejects.toThrow(
    /@foundry-rs\/anvil-plan9-mips is not installed.*CHAIN_RPC_URL.*`off`/,
  )
})

test('a data directory in use from another container is refused', async () => {
  const directory = await makeDirectory()
  const { anvil } = await startHere(directory)
  await anvil.stop()
  await writeFile(join(directory, 'anvil.json'), JSON.stringify({ pid: anvil.pid, port: 1, host: 'elsewhere pid:[1]' }))
  const user = tryLock(join(directory, 'supervisors.lock'), 'shared')
  try {
    await expect(startHere(directory)).rejects.toThrow(/another machine or container \(elsewhere/)
  } finally {
    user?.release()
  }
})
