import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { isRunning } from '../../worker/db/postgres/postmaster.ts'
import { ask, block, createPlayground, pay, sender, startHere, until } from './anvil-playground.ts'

const { makeDirectory, superviseElsewhere, clean } = createPlayground()
afterAll(clean)
const somebody = '0x00000000000000000000000000000000000000aa'

interface SavedState {
  readonly best_block_number: number
  readonly accounts: Readonly<Record<string, { readonly nonce: number }>>
  readonly transactions: readonly unknown[]
}
interface Txpool {
  readonly pending: string
}

/** What is saved of the chain of a directory, as anvil reads it. */
async function savedState(directory: string): Promise<SavedState> {
  return JSON.parse(gunzipSync(await readFile(join(directory, 'state.json.gz'))).toString())
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
    await delay(Math.random() * 500)
    const { best_block_number: saved } = await savedState(directory)
    const before = await block(anvil.url, `0x${saved.toString(16)}`)
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

test('what is saved while transactions are mined has every transaction that its accounts count', async () => {
  const directory = await makeDirectory()
  const { anvil } = await startHere(directory)
  let isBusy = true
  const traffic = (async () => {
    while (isBusy) await ask(anvil.url, 'eth_sendTransaction', [{ from: sender, to: somebody }])
  })()
  for (let save = 0; save < 40; save++) {
    await delay(Math.random() * 10)
    await anvil.save()
    const { accounts, transactions } = await savedState(directory)
    expect(accounts[sender.toLowerCase()].nonce).toBe(transactions.length)
  }
  isBusy = false
  await traffic
  await until(async () => (await ask<Txpool>(anvil.url, 'txpool_status')).pending === '0x0', 'all to be mined')
  await anvil.stop()
})

test('what anvil itself saved while it mined is not used when a transaction is missing in it', async () => {
  const directory = await makeDirectory()
  const { anvil } = await startHere(directory)
  const { blockHash, blockNumber } = await pay(anvil.url, 1)
  await anvil.stop()
  const state = await savedState(directory)
  const account = state.accounts[sender.toLowerCase()]
  const torn = {
    ...state,
    best_block_number: state.best_block_number + 1,
    accounts: { ...state.accounts, [sender.toLowerCase()]: { ...account, nonce: account.nonce + 1 } },
  }
  await writeFile(join(directory, 'state.own.json'), JSON.stringify(torn))
  const { anvil: after } = await startHere(directory)
  expect(await ask(after.url, 'eth_getTransactionCount', [sender, 'latest'])).toBe('0x1')
  expect(await block(after.url, blockNumber)).toMatchObject({ hash: blockHash })
  await after.stop()
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

test('what was mined before a save is there after a kill right behind it', async () => {
  const directory = await makeDirectory()
  const { anvil } = await startHere(directory)
  for (let number = 0; number < 3; number++) {
    const { blockNumber, blockHash } = await pay(anvil.url, number)
    await anvil.save()
    const { pid } = anvil
    process.kill(pid, 'SIGKILL')
    await until(async () => anvil.pid !== pid && (await block(anvil.url)) !== null, 'the next anvil')
    expect(await block(anvil.url, blockNumber)).toMatchObject({ hash: blockHash })
  }
  await anvil.stop()
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
