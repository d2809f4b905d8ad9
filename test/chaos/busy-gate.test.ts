import { afterAll, beforeAll, expect, test } from 'vitest'
import { proveAccess } from '../../worker/providers/encryption/prove.ts'
import { buyKey, createLock, type GateServer, startGateServer, walletOf } from '../api/key-gate-server.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'

let chain: TestChain
let gate: GateServer
beforeAll(async () => {
  chain = await startTestChain()
  gate = await startGateServer({ locks: { id: async () => chain.chainId, reader: chain.client } })
})
afterAll(() => gate?.close())

test('more songs than the gate opens to one address in a minute are proven all the same, a little later', async () => {
  const lock = await createLock(chain, 'The artist')
  await buyKey(chain, lock, chain.buyer(0))
  const { manifestUrl } = await gate.publish(lock)
  const wallets = { holder: walletOf(chain.buyer(0)), stranger: walletOf(chain.buyer(1)) }
  const signal = AbortSignal.timeout(50_000)
  const proofs = await Promise.all(
    Array.from({ length: 22 }, () => proveAccess({ manifestUrl, lock, ...wallets, signal })),
  )
  expect(proofs.map(({ refusal }) => refusal)).toEqual(Array(22).fill('NO_KEY'))
  // Whoever is told to stop stops waiting.
  const stopping = new AbortController()
  setTimeout(() => stopping.abort(new Error('told to stop')), 300)
  const told = Promise.all(
    Array.from({ length: 5 }, () => proveAccess({ manifestUrl, lock, ...wallets, signal: stopping.signal })),
  )
  await expect(told).rejects.toThrow('told to stop')
})
