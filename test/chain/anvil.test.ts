import { readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { findAnvil } from '../../worker/chain/anvil/binary.ts'
import { tryLock } from '../../worker/db/postgres/lock.ts'
import { isRunning } from '../../worker/db/postgres/postmaster.ts'
import { ask, block, createPlayground, pay, startHere, until } from './anvil-playground.ts'

const { makeDirectory, superviseElsewhere, clean } = createPlayground()
afterAll(clean)

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

test('a supervisor killed while it saved the chain leaves one that mines again once another keeps it', async () => {
  const directory = await makeDirectory()
  const first = superviseElsewhere(directory)
  const { url } = await first.started
  const { anvil: second } = await startHere(directory)
  await ask(url, 'evm_setAutomine', [false])
  await first.kill()
  await until(async () => await ask<boolean>(url, 'anvil_getAutomine'), 'the chain to mine')
  expect(Number((await pay(url, 1)).blockNumber)).toBe(1)
  await second.stop()
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

test('a demanded port that is taken is an error that names it; a kept one is replaced, and a person is told', async () => {
  const directory = await makeDirectory()
  const { anvil: before } = await startHere(directory)
  await before.stop()
  const port = Number(new URL(before.url).port)
  const rival = createServer().on('error', () => undefined)
  // An ended process may hold its port for a moment.
  await until(async () => {
    rival.listen(port, '127.0.0.1')
    await delay(5)
    return rival.listening
  }, 'the port to be free')
  await expect(startHere(directory, { port })).rejects.toMatchObject({
    kind: 'CONFLICT',
    message: expect.stringContaining(`127.0.0.1:${port}`),
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
  const port = Number(new URL(anvil.url).port)
  const rival = createServer().on('error', () => undefined)
  // Whoever is quicker gets the port: the rival is, sooner or later.
  for (let kills = 0; kills < 10 && !rival.listening; kills++) {
    const { pid } = anvil
    process.kill(pid, 'SIGKILL')
    while (!rival.listening && anvil.pid === pid) {
      rival.listen(port, '127.0.0.1')
      await delay(5)
    }
  }
  expect(rival.listening).toBe(true)
  await until(async () => messages.join().includes('could not be started and will be tried again'), 'a failed start')
  await new Promise((resolve) => rival.close(resolve))
  await until(async () => (await block(anvil.url)) !== null, 'the next anvil')
  await anvil.stop()
})

test('a chain whose directory is deleted under it is given up, and nothing is left running', async () => {
  const directory = await makeDirectory()
  const { anvil } = await startHere(directory)
  const { pid } = anvil
  await rm(directory, { recursive: true, maxRetries: 10, retryDelay: 20 })
  await expect(anvil.failed).rejects.toThrow(/ENOENT/)
  await anvil.stop()
  await until(async () => !isRunning(pid), 'the end of anvil')
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
