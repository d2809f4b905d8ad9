import { randomBytes } from 'node:crypto'
import { type Address, createPublicClient, http } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Wallet } from '../../client/ask-key.ts'
import type { Lock } from '../../client/conditions.ts'
import { unlockSong } from '../../client/unlock-song.ts'
import { publicLockAbi } from '../../contracts/unlock.ts'
import { openVault } from '../../worker/vault/open.ts'
import { reseal } from '../../worker/vault/reseal.ts'
import { collect } from '../client/random-bytes.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { startVendor } from '../support/vendor.ts'
import { buyKey, createLock, type GateServer, startGateServer, tokenOf, walletOf } from './key-gate-server.ts'

let chain: TestChain
let locks: { id(): Promise<number>; reader: TestChain['client'] }
let gate: GateServer
let lock: Lock
const holder = () => chain.buyer(0)
const stranger = () => chain.buyer(1)

beforeAll(async () => {
  chain = await startTestChain()
  locks = { id: async () => chain.chainId, reader: chain.client }
  gate = await startGateServer({ locks })
  lock = await createLock(chain, 'The artist')
  await buyKey(chain, lock, holder())
})
afterAll(() => gate.close())

const refused = (reason: string) => ({ name: 'UnlockError', code: 'REFUSED', reason })

test('a chain that is down, slow or another one grants nothing; the same message opens when it is back', async () => {
  const node = await startVendor({
    'POST /': async (request) => {
      const answer = await fetch(chain.rpcUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: request.body.toString(),
      })
      return { body: await answer.text(), headers: { 'content-type': 'application/json' } }
    },
  })
  const reader = createPublicClient({
    transport: http(node.url, { retryCount: 0, timeout: 1_500 }),
  }) as TestChain['client']
  let chainId = chain.chainId
  const shaky = await startGateServer({ locks: { id: async () => chainId, reader }, vault: gate.vault })
  try {
    const request = await shaky.asking(await shaky.publish(lock), holder())
    const ask = async () => {
      const { status, body, headers } = await shaky.post('/keys/release', request)
      return [status, body.code, body.isRetryable, headers.get('retry-after')]
    }
    for (const fault of [
      { status: 500, body: 'down' },
      'reset',
      'hang',
      { json: { jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'no' } } },
      { json: { jsonrpc: '2.0', id: 1, result: null } },
    ] as const) {
      node.inject('POST /', fault)
      expect(await ask(), JSON.stringify(fault)).toEqual([503, 'CHAIN_UNAVAILABLE', true, '5'])
    }
    // The block is answered, the balance is not.
    node.inject(
      'POST /',
      { json: { jsonrpc: '2.0', id: 1, result: await chain.rpc('eth_getBlockByNumber', ['latest', false]) } },
      'reset',
    )
    expect(await ask()).toEqual([503, 'CHAIN_UNAVAILABLE', true, '5'])
    chainId = 1
    expect((await ask())[1]).toBe('CHAIN_UNAVAILABLE')
    chainId = chain.chainId
    const releases = await shaky.releases()
    expect(releases).toHaveLength(7)
    expect(new Set(releases.map(({ decision, reason }) => `${decision} ${reason}`))).toEqual(
      new Set(['denied CHAIN_UNAVAILABLE']),
    )
    expect((await shaky.post('/keys/release', request)).status).toBe(200)
  } finally {
    await shaky.close()
    await node.close()
  }
})

test('a chain on which nothing is mined does not keep keys alive, and one elsewhere that stands still is not believed', async () => {
  const now = Math.floor(Date.now() / 1000)
  const old = await startTestChain({ flags: ['--timestamp', String(now - 3 * 86_400)] })
  const reader = old.client
  const still = await startGateServer({ locks: { id: async () => old.chainId, reader } })
  const elsewhere = await startGateServer({ locks: { id: async () => 8453, reader } })
  try {
    const idle = await createLock(old, 'Idle')
    await buyKey(old, idle, old.buyer(0))
    const song = await still.publish(idle)
    const open = () => unlockSong({ manifestUrl: song.manifestUrl, wallet: walletOf(old.buyer(0)) })
    await expect(open()).resolves.toBeTruthy()
    const args = [await tokenOf(old, idle, old.buyer(0)), BigInt(now - 86_400)] as const
    const address = idle.address as Address
    await old.write({ address, abi: publicLockAbi, functionName: 'setKeyExpiration', args })
    // The chain's own clock is three days behind: for it, the key is still good.
    expect(
      await old.client.readContract({
        address,
        abi: publicLockAbi,
        functionName: 'balanceOf',
        args: [old.buyer(0).address],
      }),
    ).toBe(1n)
    await expect(open()).rejects.toMatchObject(refused('NO_KEY'))

    const there = await elsewhere.publish({ ...idle, chainId: 8453 })
    await expect(unlockSong({ manifestUrl: there.manifestUrl, wallet: walletOf(old.buyer(0)) })).rejects.toMatchObject({
      code: 'UNREACHABLE',
      reason: 'CHAIN_UNAVAILABLE',
    })
    expect(elsewhere.log.join('\n')).toContain('the node has fallen behind')
  } finally {
    await still.close()
    await elsewhere.close()
    await old.stop()
  }
})

test('with another master key nothing is given out, until it is the right one again', async () => {
  const [from, to] = [randomBytes(32), randomBytes(32)]
  const vaults = new Map<string, ReturnType<typeof openVault>>()
  let current = 'from'
  const vault = {
    keep: (...args: Parameters<ReturnType<typeof openVault>['keep']>) => vaults.get(current)?.keep(...args) as never,
    open: (name: string) => vaults.get(current)?.open(name) as never,
  }
  const server = await startGateServer({ locks, vault })
  try {
    vaults.set('from', openVault({ client: server.client, secretKey: from }))
    vaults.set('to', openVault({ client: server.client, secretKey: to }))
    const song = await server.publish(lock)
    const open = () => unlockSong({ manifestUrl: song.manifestUrl, wallet: walletOf(holder()) })
    await open()
    current = 'to'
    await expect(open()).rejects.toMatchObject({ code: 'UNREACHABLE', reason: 'KEYS_UNAVAILABLE' })
    expect(server.log.join('\n')).toContain('set REFRAIN_SECRET_KEY')
    expect((await server.releases()).at(-1)).toMatchObject({ decision: 'denied', reason: 'KEYS_UNAVAILABLE' })
    await reseal({ client: server.client, from, to })
    expect(await collect((await open()).stream())).toEqual(song.song)
  } finally {
    await server.close()
  }
})

test('long dead nonces are taken away', async () => {
  await gate.client.pool.query(
    `insert into key_nonces (nonce, expires_at) select 'dead' || i, now() - interval '2 days' from generate_series(1, 25) i`,
  )
  await gate.post('/keys/nonce', {})
  await gate.post('/keys/nonce', {})
  const { rows } = await gate.client.pool.query("select nonce from key_nonces where nonce like 'dead%'")
  expect(rows).toEqual([])
})

test('no key and no signature stands in logs, rows, refusals or thrown errors', async () => {
  const server = await startGateServer({ locks })
  try {
    const song = await server.publish(lock)
    const wallet = walletOf(holder())
    const signatures: string[] = []
    const watched: Wallet = {
      address: wallet.address,
      async signMessage(message) {
        const signature = await wallet.signMessage(message)
        signatures.push(signature)
        return signature
      },
    }
    const opened = await unlockSong({ manifestUrl: song.manifestUrl, wallet: watched })
    const refusal = await unlockSong({ manifestUrl: song.manifestUrl, wallet: walletOf(stranger()) }).catch(
      (error) => error,
    )
    const { rows } = await server.client.pool.query<{ text: string }>(`
      select t::text as text from key_releases t union all select t::text from key_nonces t
      union all select name || ' ' || encode(sealed, 'hex') || ' ' || encode(sealed, 'escape') from secrets`)
    const everything = [
      server.log.join('\n'),
      ...rows.map(({ text }) => text),
      JSON.stringify(opened),
      JSON.stringify(song.manifest),
      `${refusal.stack} ${JSON.stringify(refusal)}`,
    ].join('\n')
    expect(server.log.length).toBeGreaterThan(1)
    expect(rows.length).toBeGreaterThan(3)
    const key = Buffer.from(song.contentKey)
    for (const secret of [key.toString('hex'), key.toString('base64'), key.toString('base64url'), ...signatures]) {
      expect(everything).not.toContain(secret)
    }
  } finally {
    await server.close()
  }
})
