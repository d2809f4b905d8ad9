import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { buildConditions, type Lock } from '../../client/conditions.ts'
import { signInMessage } from '../../client/sign-in.ts'
import { unlockSong } from '../../client/unlock-song.ts'
import type { Encryption } from '../../worker/providers/encryption/contract.ts'
import { encryption } from '../../worker/providers/encryption/index.ts'
import { findKey, type KeptKey } from '../../worker/providers/encryption/kept-key.ts'
import type { Vault } from '../../worker/vault/contract.ts'
import { buyKey, createLock, type GateServer, startGateServer, walletOf } from '../api/key-gate-server.ts'
import { collect } from '../client/random-bytes.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { chosen, testDeps } from '../support/provider.ts'
import type { VendorRequest } from '../support/vendor.ts'
import { API_KEY, GROUP_ID, type LitServer, PKP_ID, startLitServer } from './lit-server.ts'

const ACTION = 'POST /core/v1/lit_action'
const { signal } = new AbortController()
let chain: TestChain
let lit: LitServer
let gate: GateServer
let lock: Lock
let otherLock: Lock
const holder = () => chain.buyer(0)
const stranger = () => chain.buyer(1)

beforeAll(async () => {
  chain = await startTestChain()
  lit = await startLitServer()
  lock = await createLock(chain, 'The artist')
  otherLock = await createLock(chain, 'Another artist')
  await buyKey(chain, lock, holder())
  await buyKey(chain, otherLock, stranger())
  gate = await startGateServer({
    locks: { id: async () => chain.chainId, reader: chain.client },
    get encryption() {
      return provider()
    },
  })
})
afterAll(async () => {
  await gate.close()
  await lit.close()
})
beforeEach(() => {
  gate.restart()
  lit.mood = 'works'
})

const environment = (change: Record<string, string> = {}) => ({
  ENCRYPTION_PROVIDER: 'lit-chipotle',
  LIT_API_URL: `${lit.url}/`,
  LIT_API_KEY: API_KEY,
  LIT_PKP_ID: PKP_ID,
  LIT_GROUP_ID: String(GROUP_ID),
  LIT_RPC_URL: chain.rpcUrl,
  PUBLIC_URL: 'http://gate.test/',
  ...change,
})
function provider(change: Record<string, string> = {}, vault: () => Vault = () => gate.vault): Encryption {
  return chosen(encryption, environment(change), { ...testDeps(), vault })
}
const protect = (lockOf = lock, from = provider()) =>
  from.protect({ lock: lockOf, conditions: buildConditions(lockOf), signal })
const kept = async (keyId: string) => (await findKey(gate.vault, keyId)) as KeptKey & { network: 'lit-chipotle' }

async function proof(keyId: string, account = holder(), change: Partial<Parameters<typeof signInMessage>[0]> = {}) {
  const message = signInMessage({
    domain: 'gate.test',
    address: account.address,
    uri: 'http://gate.test/keys',
    chainId: chain.chainId,
    nonce: '0123456789abcdef',
    issuedAt: new Date().toISOString(),
    expirationTime: new Date(Date.now() + 60_000).toISOString(),
    keyId,
    ...change,
  })
  return { message, signature: await account.signMessage({ message }) }
}

test('a key is sealed in an action that names the lock, and only who holds a key of it opens it', async () => {
  const { contentKey, access } = await protect()
  expect(access).toMatchObject({
    network: 'lit-chipotle',
    gateUrl: 'http://gate.test/keys',
    actionCid: expect.stringMatching(/^Qm\w{44}$/),
  })
  expect(lit.permitted.has(access.actionCid ?? '')).toBe(true)
  for (const part of [lock.address, chain.rpcUrl, 'http://gate.test/keys', PKP_ID])
    expect(lit.lastAction()).toContain(part)
  const key = await kept(access.keyId)
  expect(await provider().release(key, await proof(access.keyId), { signal })).toEqual(contentKey)
  await expect(provider().release(key, await proof(access.keyId, stranger()), { signal })).rejects.toMatchObject({
    kind: 'BLOCKED',
    details: { reason: 'NO_KEY' },
  })
})

test('the action itself refuses messages for another gate, chain, time or signer', async () => {
  const { access } = await protect()
  const key = await kept(access.keyId)
  const reasonOf = async (change: Parameters<typeof proof>[2], sign = holder()) => {
    const { message, signature } = await proof(access.keyId, sign, change)
    return provider()
      .release(key, { message, signature }, { signal })
      .then(
        () => 'OPENED',
        (error) => error.details.reason,
      )
  }
  expect(await reasonOf({})).toBe('OPENED')
  expect(await reasonOf({ uri: 'http://evil.test/keys' })).toBe('WRONG_URI')
  expect(await reasonOf({ chainId: 1 })).toBe('WRONG_CHAIN')
  expect(await reasonOf({ expirationTime: new Date(Date.now() - 1).toISOString() })).toBe('EXPIRED')
  expect(await reasonOf({ expirationTime: 'never' })).toBe('EXPIRED')
  expect(await reasonOf({ address: holder().address }, stranger())).toBe('BAD_SIGNATURE')
  expect(await reasonOf({ keyId: '0b0e1a3c-1111-4222-8333-444455556666' })).toBe('OTHER_KEY')
  expect(await reasonOf({ nonce: 'x\nURI: y' })).toBe('BAD_MESSAGE')
})

test('what was sealed for one lock does not open in the action of another, though both use one key pair', async () => {
  const [mine, theirs] = [await protect(lock), await protect(otherLock)]
  const [key, otherKey] = [await kept(mine.access.keyId), await kept(theirs.access.keyId)]
  expect(key.action).not.toBe(otherKey.action)
  const swapped = { ...otherKey, sealedKey: key.sealedKey }
  for (const keyId of [mine.access.keyId, theirs.access.keyId]) {
    await expect(provider().release(swapped, await proof(keyId, stranger()), { signal })).rejects.toMatchObject({
      details: { reason: 'OTHER_KEY' },
    })
  }
})

test('an action with another lock in it may not use the key pair', async () => {
  const { access } = await protect()
  const key = await kept(access.keyId)
  const mine = await createLock(chain, 'The attacker')
  await buyKey(chain, mine, stranger())
  const forged = { ...key, action: key.action.replace(lock.address, mine.address) }
  await expect(provider().release(forged, await proof(access.keyId, stranger()), { signal })).rejects.toThrow(
    'action is not permitted to use this PKP',
  )
})

test('through the key gate a holder opens a song, a stranger does not, and Lit is asked only for who may', async () => {
  const through = provider({ PUBLIC_URL: gate.url })
  const song = await gate.publish(lock, { encryption: through })
  const open = (account: typeof holder) =>
    unlockSong({ manifestUrl: song.manifestUrl, lock, wallet: walletOf(account()) })
  expect(await collect((await open(holder)).stream())).toEqual(song.song)
  const before = lit.requests.length
  await expect(open(stranger)).rejects.toMatchObject({ code: 'REFUSED', reason: 'NO_KEY' })
  expect(lit.requests.length).toBe(before)
  const keysOfOurs = await gate.publish(lock)
  expect(
    await collect((await unlockSong({ manifestUrl: keysOfOurs.manifestUrl, wallet: walletOf(holder()) })).stream()),
  ).toEqual(keysOfOurs.song)
})

test('while Lit does not answer nothing is given out, and the same message opens later', async () => {
  const through = provider({ PUBLIC_URL: gate.url })
  const song = await gate.publish(lock, { encryption: through })
  const request = await gate.asking(song, holder())
  lit.mood = 'down'
  expect(await gate.release(request)).toEqual({ status: 503, code: 'KEYS_UNAVAILABLE' })
  lit.mood = 'works'
  // Lit's node may see another head than ours.
  lit.inject(ACTION, { json: { response: { error: 'NO_KEY' }, logs: '', has_error: false } })
  expect(await gate.release(request)).toEqual({ status: 403, code: 'REFUSED_BY_NETWORK' })
  expect(await gate.release(request)).toMatchObject({ status: 200 })
})

test('the vault holds what Lit sealed, never the key', async () => {
  const { contentKey, access } = await protect()
  const text = JSON.stringify(await kept(access.keyId))
  for (const encoding of ['base64', 'hex'] as const)
    expect(text).not.toContain(Buffer.from(contentKey).toString(encoding))
})

test('a lock’s action is permitted once in a process', async () => {
  const one = provider()
  lit.requests.length = 0
  await protect(lock, one)
  await protect(lock, one)
  await protect(otherLock, one)
  expect(lit.requests.filter(({ path }) => path.endsWith('add_action_to_group'))).toHaveLength(2)
})

test('refusals and failures are errors of the right kind, with Lit’s own words and without secrets', async () => {
  const cases: [string, unknown[], object][] = [
    [
      ACTION,
      [{ status: 402, json: 'Insufficient credits' }],
      { kind: 'PROVIDER_REJECTED', message: 'lit-chipotle: answered 402: Insufficient credits' },
    ],
    [ACTION, [{ status: 400, json: 'bad code' }], { kind: 'PROVIDER_REJECTED' }],
    [ACTION, Array(4).fill({ status: 500, json: 'oops' }), { kind: 'PROVIDER_UNAVAILABLE' }],
    [ACTION, Array(4).fill('reset'), { kind: 'PROVIDER_UNAVAILABLE' }],
    [
      ACTION,
      [{ json: { response: 'Error: out of memory', logs: '', has_error: true } }],
      { kind: 'PROVIDER_UNAVAILABLE', message: 'lit-chipotle: the action failed: "Error: out of memory"' },
    ],
    [
      ACTION,
      [{ json: { response: {}, logs: '', has_error: false } }],
      { kind: 'PROVIDER_REJECTED', message: 'lit-chipotle: the action answered no sealed key' },
    ],
    [ACTION, [{ body: '<html>' }], { kind: 'PROVIDER_REJECTED' }],
    ['POST /core/v1/add_action_to_group', [{ json: { success: false } }], { kind: 'PROVIDER_REJECTED' }],
    ['POST /core/v1/get_lit_action_ipfs_id', [{ json: { cid: 'x' } }], { kind: 'PROVIDER_REJECTED' }],
  ]
  for (const [route, faults, expected] of cases) {
    lit.inject(route, ...(faults as Parameters<LitServer['inject']>[1][]))
    await expect(protect(), JSON.stringify(faults[0])).rejects.toMatchObject(expected)
  }
  await expect(protect(lock, provider({ LIT_API_KEY: 'wrong-key-1234' }))).rejects.toThrow(
    'answered 401 (check the key): Invalid API key',
  )
  await expect(protect(lock, provider({ LIT_GROUP_ID: '9' }))).rejects.toThrow('no access to group 9')
})

test('a passing overload is waited out', async () => {
  lit.inject(
    ACTION,
    { status: 429, json: 'overloaded', headers: { 'retry-after': '0' } },
    { status: 503, json: 'overloaded' },
  )
  await expect(protect()).resolves.toBeTruthy()
})

test('a service that repeats what it was sent does not get the key into an error', async () => {
  for (const mood of ['repeats', 'repeats in the answer'] as const) {
    lit.requests.length = 0
    lit.mood = mood
    const error = await protect().catch((thrown) => thrown)
    const { js_params: params } = (lit.requests.at(-1) as VendorRequest).json() as {
      js_params: { seal: { contentKey: string } }
    }
    const shown = `${error.stack} ${JSON.stringify(error)} ${error.cause}`
    expect(shown).toContain('failed with')
    expect(shown).not.toContain(params.seal.contentKey)
  }
})

test('conditions of another lock are refused before anything is sent', async () => {
  lit.requests.length = 0
  await expect(provider().protect({ lock, conditions: buildConditions(otherLock), signal })).rejects.toMatchObject({
    kind: 'INVALID_INPUT',
  })
  expect(lit.requests).toEqual([])
})

test('its variables are checked, and secrets are not repeated', () => {
  const wrong = encryption.choose(
    environment({ LIT_PKP_ID: 'x', LIT_RPC_URL: 'https://user:geheim@rpc.test', LIT_API_KEY: '' }),
  )
  expect(wrong).toMatchObject({ ok: false })
  const text = JSON.stringify(wrong)
  for (const name of ['LIT_PKP_ID', 'LIT_RPC_URL', 'LIT_API_KEY is missing']) expect(text).toContain(name)
  expect(text).not.toContain('geheim')
})

test('nothing of it needs a vault before a key is made', async () => {
  const without = provider({}, () => {
    throw new Error('no vault')
  })
  expect(without.usdMicrosPerKey).toBe(20_000)
  await expect(protect(lock, without)).rejects.toThrow('no vault')
})
