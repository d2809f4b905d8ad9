import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseEventLogs } from 'viem'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { accountsAbi } from '../../contracts/abi/accounts.ts'
import { deployContracts, embeddedAddresses } from '../../contracts/deploy.ts'
import { devAccount } from '../../contracts/dev-accounts.ts'
import { unlockAbi } from '../../contracts/unlock.ts'
import type { Chain } from '../../worker/chain/contract.ts'
import { createPlayground, startHere } from './anvil-playground.ts'
import { accountOrder, lockOrder, somebody } from './orders.ts'
import { type Office, openOffice } from './sending.ts'

const { makeDirectory, clean } = createPlayground()
let office: Office
let signal: AbortSignal
beforeEach(async () => {
  office = await openOffice()
  signal = AbortSignal.timeout(40_000)
})
afterEach(() => office.close())
afterAll(clean)

const deploy = (rpcUrl: string) => deployContracts({ rpcUrl, operator: devAccount(0).address, signal })
const statuses = async () => (await office.stored()).map(({ status }) => status)
const holderOf = async ({ reader }: Chain, handle: string) =>
  (
    await reader.readContract({
      address: embeddedAddresses.accounts,
      abi: accountsAbi,
      functionName: 'accountOf',
      args: [handle],
    })
  )[1]

async function deployLock(clips: Chain, name: string) {
  const { logs } = await clips.send(lockOrder(name), { signal })
  return parseEventLogs({ abi: unlockAbi, eventName: 'NewLock', logs })[0].args.newLockAddress
}

test('orders given while anvil is killed again and again are all mined once, and locks keep their addresses', async () => {
  const directory = await makeDirectory()
  const { anvil } = await startHere(directory)
  await deploy(anvil.url)
  await anvil.save()
  const { clips, reconcile } = office.open({ CHAIN_RPC_URL: anvil.url })
  let isBusy = true
  const killer = (async () => {
    for (let kills = 0; kills < 4; kills++) {
      await delay(250 + Math.random() * 500)
      process.kill(anvil.pid, 'SIGKILL')
      const { pid } = anvil
      while (anvil.pid === pid) await delay(10)
    }
    isBusy = false
  })()
  const locks = new Map<string, string>()
  for (let number = 0; isBusy; number++) {
    await clips.send(accountOrder(`busy-${number}`), { signal })
    locks.set(`busy ${number}`, await deployLock(clips, `busy ${number}`))
  }
  await killer
  do await reconcile({ signal })
  while ((await statuses()).includes('pending'))
  expect(locks.size).toBeGreaterThan(1)
  for (const [name, address] of locks) expect(await deployLock(clips, name)).toBe(address)
  expect(new Set(locks.values()).size).toBe(locks.size)
  const stored = await office.stored()
  expect(stored).toHaveLength(2 * locks.size)
  expect(await clips.reader.getTransactionCount({ address: clips.operator })).toBe(stored.length)
  await anvil.stop()
})

test('a chain brought back from an older save is made what the records say', async () => {
  const directory = await makeDirectory()
  const { anvil: before } = await startHere(directory)
  await deploy(before.url)
  await before.stop()
  await copyFile(join(directory, 'state.json.gz'), join(directory, 'copy'))

  const { anvil: middle } = await startHere(directory)
  const { clips } = office.open({ CHAIN_RPC_URL: middle.url })
  await clips.send(accountOrder('lost-with-it'), { signal })
  const lock = await deployLock(clips, 'lost with it')
  await middle.stop()
  await copyFile(join(directory, 'copy'), join(directory, 'state.json.gz'))

  const { anvil: after } = await startHere(directory)
  expect(after.url).toBe(middle.url)
  expect(await clips.reader.getTransactionCount({ address: clips.operator })).toBe(0)
  await clips.send(accountOrder('newcomer'), { signal })
  expect(await holderOf(clips, 'lost-with-it')).toBe(somebody)
  expect(await deployLock(clips, 'lost with it')).toBe(lock)
  await after.stop()
})

test('a chain that was killed before its contracts were saved gets them back, and then what was sent to them', async () => {
  const directory = await makeDirectory()
  const { anvil: empty } = await startHere(directory)
  await empty.stop()
  await copyFile(join(directory, 'state.json.gz'), join(directory, 'copy'))
  const { anvil: deployed } = await startHere(directory)
  await deploy(deployed.url)
  const { clips, reconcile } = office.open({ CHAIN_RPC_URL: deployed.url })
  const lock = await deployLock(clips, 'early')
  await deployed.stop()
  await copyFile(join(directory, 'copy'), join(directory, 'state.json.gz'))

  const { anvil: after } = await startHere(directory)
  do await reconcile({ signal })
  while ((await statuses()).includes('pending'))
  expect(await deployLock(clips, 'early')).toBe(lock)
  expect(office.lines.join()).toContain('the chain has lost transactions')
  await after.stop()
})
