import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { askChain } from '../../indexer/chain-answers.ts'
import { NodeContradiction, openRpc } from '../../indexer/rpc.ts'
import type { RunningAnvil } from '../../worker/chain/anvil/index.ts'
import { ask, createPlayground, pay, sender, startHere } from '../chain/anvil-playground.ts'
import { until } from '../cli/program.ts'

const { makeDirectory, clean } = createPlayground()
let anvil: RunningAnvil
const rpc = () => openRpc(anvil.url, { signal: AbortSignal.timeout(30_000) })
const blockAt = (at: string) => ask<{ hash: string } | null>(anvil.url, 'eth_getBlockByNumber', [at, false])

// A chain that was killed before it had a quiet moment: its blocks are there, the states of all but the last are not.
beforeAll(async () => {
  const directory = await makeDirectory()
  anvil = (await startHere(directory)).anvil
  for (let number = 0; number < 4; number++) await pay(anvil.url, number)
  const saved = async () => JSON.parse(gunzipSync(await readFile(join(directory, 'state.json.gz'))).toString())
  await until(async () => Number((await saved()).best_block_number) === 4)
  const { pid } = anvil
  process.kill(pid, 'SIGKILL')
  await until(async () => anvil.pid !== pid && (await blockAt('0x4').catch(() => null)) !== null)
})
afterAll(async () => {
  await anvil?.stop()
  await clean()
})

test('of a block whose state the chain has lost with a kill, the indexer asks for the state of now', async () => {
  await expect(ask(anvil.url, 'eth_getBalance', [sender, '0x2'])).rejects.toThrow('BlockOutOfRange')
  const past = await blockAt('0x2')
  const head = await blockAt('latest')
  const balanceAt = (blockHash: string | undefined) =>
    ({ method: 'balance', to: sender, blockHash: blockHash ?? '' }) as const
  const now = await ask(anvil.url, 'eth_getBalance', [sender, 'latest'])
  expect(await askChain(rpc(), [balanceAt(past?.hash), balanceAt(head?.hash), balanceAt(past?.hash)])).toEqual([
    now,
    now,
    now,
  ])
})

test('of a block that the chain does not have, it takes no answer from another', async () => {
  const nowhere = { method: 'code', to: sender, blockHash: `0x${'ab'.repeat(32)}` } as const
  await expect(askChain(rpc(), [nowhere])).rejects.toThrow(NodeContradiction)
})
