import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Lock } from '../../client/conditions.ts'
import { unlockSong } from '../../client/unlock-song.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import {
  buyKey,
  createLock,
  type GateServer,
  type PublishedSong,
  startGateServer,
  walletOf,
} from './key-gate-server.ts'

let chain: TestChain
let locks: { id(): Promise<number>; reader: TestChain['client'] }
let gate: GateServer
let lock: Lock
let published: PublishedSong
const holder = () => chain.buyer(0)
const stranger = () => chain.buyer(1)

beforeAll(async () => {
  chain = await startTestChain()
  locks = { id: async () => chain.chainId, reader: chain.client }
  gate = await startGateServer({ locks })
  lock = await createLock(chain, 'The artist')
  await buyKey(chain, lock, holder())
  published = await gate.publish(lock)
})
afterAll(() => gate.close())
beforeEach(async () => {
  await gate.client.pool.query('delete from key_releases')
  gate.restart()
})

const refused = (reason: string) => ({ name: 'UnlockError', code: 'REFUSED', reason })
const lastRelease = async () => (await gate.releases()).at(-1)

test('a signed message opens once: sent again it opens nothing', async () => {
  const request = await gate.asking(published, holder())
  expect(await gate.release(request)).toMatchObject({ status: 200 })
  expect(await gate.release(request)).toEqual({ status: 401, code: 'NONCE_USED' })
  expect((await gate.releases()).map(({ reason }) => reason)).toEqual(['HOLDS_KEY', 'NONCE_USED'])
})

test('a nonce that was never given, or has expired, opens nothing', async () => {
  expect(
    await gate.release(await gate.asking(published, holder(), { nonce: randomBytes(16).toString('hex') })),
  ).toEqual({
    status: 401,
    code: 'NONCE_UNKNOWN',
  })
  const late = await gate.asking(published, holder(), {
    expirationTime: new Date(Date.now() + 3_600_000).toISOString(),
  })
  await gate.client.pool.query("update key_nonces set expires_at = now() - interval '1 second' where used_at is null")
  expect(await gate.release(late)).toEqual({ status: 401, code: 'NONCE_EXPIRED' })
})

test('of many releases at once with one nonce exactly one is granted', async () => {
  const request = await gate.asking(published, holder())
  const answers = await Promise.all(Array.from({ length: 10 }, () => gate.release(request)))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(answers.filter(({ code }) => code === 'NONCE_USED')).toHaveLength(9)
  const releases = await gate.releases()
  expect(releases.filter(({ decision }) => decision === 'granted')).toHaveLength(1)
  expect(releases.filter(({ reason }) => reason === 'NONCE_USED')).toHaveLength(9)
})

test('a message for another site opens nothing, and does not use up its nonce', async () => {
  const request = await gate.asking(published, holder(), { domain: 'evil.test' })
  expect(await gate.release(request)).toEqual({ status: 403, code: 'WRONG_DOMAIN' })
  expect(await lastRelease()).toMatchObject({ decision: 'denied', reason: 'WRONG_DOMAIN' })
  const [, nonce] = /Nonce: (\w+)/.exec(request.message) ?? []
  const { rows } = await gate.client.pool.query('select used_at from key_nonces where nonce = $1', [nonce])
  expect(rows).toEqual([{ used_at: null }])
})

test('a message for another gate, chain or song opens nothing', async () => {
  expect(await gate.release(await gate.asking(published, holder(), { uri: 'https://evil.test/keys' }))).toEqual({
    status: 403,
    code: 'WRONG_URI',
  })
  expect(await gate.release(await gate.asking(published, holder(), { chainId: 1 }))).toEqual({
    status: 403,
    code: 'WRONG_CHAIN',
  })
  const other = await gate.publish(lock)
  const forOther = await gate.asking(published, holder(), { keyId: other.manifest.encryption.keyId })
  const { keyId } = published.manifest.encryption
  expect(await gate.release({ ...forOther, keyId })).toEqual({ status: 403, code: 'WRONG_KEY' })
  expect(await gate.release(forOther)).toMatchObject({ status: 200 })
})

test('an expired message, or one of the future, opens nothing', async () => {
  const past = {
    issuedAt: new Date(Date.now() - 60_000).toISOString(),
    expirationTime: new Date(Date.now() - 1_000).toISOString(),
  }
  expect(await gate.release(await gate.asking(published, holder(), past))).toEqual({ status: 401, code: 'EXPIRED' })
  const future = { issuedAt: new Date(Date.now() + 120_000).toISOString() }
  expect(await gate.release(await gate.asking(published, holder(), future))).toEqual({
    status: 401,
    code: 'NOT_YET_VALID',
  })
})

test("a stranger cannot sign for a holder, and a holder's signature fits no other message", async () => {
  const forged = await gate.asking(published, stranger(), { address: holder().address })
  expect(await gate.release(forged)).toEqual({ status: 401, code: 'BAD_SIGNATURE' })
  expect(await gate.release(forged)).toEqual({ status: 401, code: 'NONCE_USED' })
  const [one, other] = [await gate.asking(published, holder()), await gate.asking(published, holder())]
  expect(await gate.release({ ...one, signature: other.signature })).toEqual({ status: 401, code: 'BAD_SIGNATURE' })
  for (const signature of [
    '',
    '0x',
    '0x1234',
    'nonsense',
    `0x${'00'.repeat(65)}`,
    `0x${'ff'.repeat(65)}`,
    `0x${'1'.repeat(9_999)}`,
  ]) {
    expect(
      await gate.release({ ...(await gate.asking(published, holder())), signature }),
      signature.slice(0, 10),
    ).toEqual({
      status: 401,
      code: 'BAD_SIGNATURE',
    })
  }
})

test('requests of another form are refused, with what was expected', async () => {
  const good = await gate.asking(published, holder())
  const { contentKey: _, ...rest } = { ...good, contentKey: 1 }
  for (const body of [
    '{',
    '[]',
    'null',
    '"x"',
    {},
    { ...rest, keyId: '../../x' },
    { ...rest, conditions: [] },
    { ...rest, message: 5 },
  ]) {
    const { status, body: answer } = await gate.post('/keys/release', body)
    expect([status, answer.code], JSON.stringify(body)).toEqual([400, 'BAD_REQUEST'])
  }
  expect(await gate.release({ ...good, message: 'let me in' })).toEqual({ status: 400, code: 'BAD_MESSAGE' })
  expect(
    await gate.release(await gate.asking(published, holder(), { keyId: '0b0e1a3c-1111-4222-8333-444455556666' })),
  ).toEqual({
    status: 404,
    code: 'UNKNOWN_KEY',
  })
  expect((await gate.post('/keys/release', JSON.stringify({ message: 'x'.repeat(100_000) }))).status).toBe(413)
  expect((await gate.post('/keys/release', '{}', { 'content-type': 'text/plain' })).status).toBe(415)
  expect((await fetch(`${gate.url}/keys/release`)).status).toBe(405)
})

test('pages of other sites are not answered, those of the gate and of named domains are', async () => {
  const named = await startGateServer({ locks, otherDomains: ['player.test'] })
  try {
    const from = (origin: string) => named.post('/keys/nonce', {}, { origin })
    expect((await from('https://evil.test')).status).toBe(403)
    expect((await from('null')).status).toBe(403)
    expect((await from(named.url)).headers.get('access-control-allow-origin')).toBe(named.url)
    const answer = await from('https://player.test')
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, 'https://player.test'])
    const preflight = await fetch(`${named.url}/keys/release`, {
      method: 'OPTIONS',
      headers: { origin: 'https://player.test' },
    })
    expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([204, 'content-type'])
    const song = await named.publish(lock)
    await unlockSong({ manifestUrl: song.manifestUrl, wallet: walletOf(holder()), domain: 'player.test' })
    await expect(
      unlockSong({ manifestUrl: song.manifestUrl, wallet: walletOf(holder()), domain: 'evil.test' }),
    ).rejects.toMatchObject(refused('WRONG_DOMAIN'))
  } finally {
    await named.close()
  }
})

test('an address that asks too often waits; who only claims to be it does not use up its turns', async () => {
  for (let i = 0; i < 25; i++) {
    const forged = await gate.asking(published, stranger(), { address: holder().address })
    expect(await gate.release(forged)).toEqual({ status: 401, code: 'BAD_SIGNATURE' })
  }
  const { granted, refusal } = await untilRefused(async () => gate.release(await gate.asking(published, holder())))
  expect(refusal).toEqual({ status: 429, code: 'TOO_MANY_REQUESTS' })
  expect(granted).toBeGreaterThanOrEqual(20)
  expect(await gate.release(await gate.asking(published, stranger()))).toEqual({ status: 403, code: 'NO_KEY' })
})

test('a caller that asks too often waits, and is told for how long', async () => {
  const { granted, refusal } = await untilRefused(() => gate.post('/keys/nonce', {}))
  expect(granted).toBeGreaterThanOrEqual(120)
  expect(refusal.body).toMatchObject({ code: 'TOO_MANY_REQUESTS', isRetryable: true })
  expect(Number(refusal.headers.get('retry-after'))).toBeGreaterThan(0)
  const releases = await untilRefused(async () => {
    const answer = await gate.post('/keys/release', {})
    return answer.status === 400 ? { ...answer, status: 200 } : answer
  })
  expect(releases.granted).toBeGreaterThanOrEqual(120)
})

/** Asks again and again until there are no turns left; turns come back meanwhile, more of them on a slow machine. */
async function untilRefused<Answer extends { status: number }>(ask: () => Promise<Answer>) {
  for (let granted = 0; granted < 1_000; ) {
    const answers = await Promise.all(Array.from({ length: 10 }, ask))
    granted += answers.filter(({ status }) => status === 200).length
    const refusal = answers.find(({ status }) => status === 429)
    if (refusal) return { granted, refusal }
  }
  throw new Error('nobody was ever refused')
}
