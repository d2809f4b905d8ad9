import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hexToBigInt, keccak256, parseEventLogs, recoverMessageAddress, toHex } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { walletsAbi } from '../../contracts/abi/wallets.ts'
import { Blocked } from '../../worker/errors.ts'
import type { ProviderDeps } from '../../worker/providers/capability.ts'
import { Wallet } from '../../worker/providers/wallet/contract.ts'
import { wallet as capability } from '../../worker/providers/wallet/index.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { chosen, testDeps } from '../support/provider.ts'
import { startVendor, type Vendor } from '../support/vendor.ts'
import { hexOf, localChain, localVault } from './local-chain.ts'

const { signal } = new AbortController()
const name = 'artist:installation:12'
const request = { name, idempotencyKey: 'key', signal }
let chain: TestChain
let folder: string
beforeAll(async () => {
  chain = await startTestChain()
  folder = await mkdtemp(join(tmpdir(), 'refrain-wallet-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

function embedded() {
  const local = localChain(chain)
  const vault = localVault()
  const deps: ProviderDeps = { ...testDeps(), chains: () => ({ clips: local, locks: local }), vault: () => vault }
  return { wallets: chosen(capability, {}, deps), local, vault }
}

test('a wallet is a key pair whose public half is registered on chain', async () => {
  const { wallets, local, vault } = embedded()
  expect(wallets.unavailableReason).toBeNull()
  const made = Wallet.parse(await wallets.create(request))
  const secret = vault.secrets.get(`wallet:${name}`)
  expect(secret).toHaveLength(32)
  const account = privateKeyToAccount(hexOf(secret ?? new Uint8Array()))
  expect(made).toEqual({
    address: account.address,
    publicKey: account.publicKey,
    tokenId: hexToBigInt(keccak256(account.publicKey)).toString(),
    owner: chain.operator.address,
    txHash: expect.stringMatching(/^0x[0-9a-f]{64}$/),
    network: `eip155:${chain.chainId}`,
    provider: 'embedded',
  })
  const { logs } = await chain.client.getTransactionReceipt({ hash: made.txHash as `0x${string}` })
  const [event] = parseEventLogs({ abi: walletsAbi, eventName: 'WalletMinted', logs })
  expect(event.args).toEqual({
    tokenId: BigInt(made.tokenId ?? 0),
    wallet: account.address,
    owner: chain.operator.address,
    publicKey: account.publicKey,
  })
  expect(
    JSON.stringify([made, local.orders], (_key, value) => (typeof value === 'bigint' ? `${value}` : value)),
  ).not.toContain(hexOf(secret ?? new Uint8Array()).slice(2))
})

test('the same name is the same wallet, also for an attempt that knows nothing of the first', async () => {
  const { wallets, local } = embedded()
  const first = await wallets.create(request)
  expect(await wallets.create(request)).toEqual(first)
  const [later, at_once] = await Promise.all([
    wallets.create({ ...request, idempotencyKey: 'another' }),
    wallets.create({ ...request, idempotencyKey: 'another' }),
  ])
  expect([later.address, at_once.address]).toEqual([first.address, first.address])
  expect(new Set(local.orders.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(2)
  // Registered again, it says nothing on chain.
  const receipt = await chain.client.getTransactionReceipt({ hash: later.txHash as `0x${string}` })
  expect(receipt.logs).toEqual([])
  expect((await wallets.create({ ...request, name: 'artist:installation:13' })).address).not.toBe(first.address)
})

test('a wallet signs texts, and only for the address that it has', async () => {
  const { wallets } = embedded()
  const { address } = await wallets.create(request)
  const owner = address as `0x${string}`
  const signature = await wallets.sign({ name, address: owner, message: 'hello', signal })
  expect(await recoverMessageAddress({ message: 'hello', signature })).toBe(address)
  const other = privateKeyToAccount(generatePrivateKey()).address
  await expect(wallets.sign({ name, address: other, message: 'hello', signal })).rejects.toThrow(Blocked)
  await expect(wallets.sign({ name: 'nobody', address: owner, message: 'x', signal })).rejects.toThrow(
    /no key of the wallet/,
  )
})

test('without a chain nothing is made, and the reason says so', () => {
  const wallets = chosen(
    capability,
    {},
    {
      ...testDeps(),
      chains: () => {
        throw new Blocked('no chain is configured: CHAIN_RPC_URL is off')
      },
    },
  )
  expect(wallets.unavailableReason).toBe('no chain is configured: CHAIN_RPC_URL is off')
})

// Lit ------------------------------------------------------------------------------------------------------------------

let vendor: Vendor
let made: ReturnType<typeof privateKeyToAccount>[]
let dataFolder: string
beforeEach(async () => {
  made = []
  dataFolder = await mkdtemp(join(folder, 'lit-'))
  await vendor?.close()
  vendor = await startVendor({
    'POST /core/v1/create_wallet': () => {
      const account = privateKeyToAccount(generatePrivateKey())
      made.push(account)
      return { json: { wallet_address: account.address.toLowerCase() } }
    },
    'POST /core/v1/lit_action': async (call) => {
      const { code, js_params: given } = call.json() as { code: string; js_params: { pkpId: string; message: string } }
      const account = made.find(({ address }) => address === given.pkpId)
      if (!account || !code.includes('Lit.Actions.getPrivateKey'))
        return { json: { response: null, logs: 'Error: pkp not permitted', has_error: true } }
      return { json: { response: { signature: await account.signMessage(given) }, logs: '', has_error: false } }
    },
  })
})
afterAll(() => vendor?.close())
const lit = (environment: Record<string, string> = {}) =>
  chosen(capability, {
    WALLET_PROVIDER: 'lit',
    LIT_API_URL: `${vendor.url}/core/v1`,
    LIT_API_KEY: 'lit-secret-key',
    REFRAIN_DATA_DIR: dataFolder,
    ...environment,
  })

test('Lit makes a wallet once for a name, whoever asks again', async () => {
  const wallets = lit()
  expect(wallets.priceUsdMicros).toBe(10_000)
  const [first, second] = await Promise.all([wallets.create(request), wallets.create(request)])
  expect(Wallet.parse(first)).toEqual(second)
  expect(first).toMatchObject({ address: made[0].address, provider: 'lit', publicKey: null, txHash: null })
  expect(await lit().create({ ...request, idempotencyKey: 'after a restart' })).toEqual(first)
  expect(made).toHaveLength(1)
  expect(vendor.requests.map(({ headers }) => headers['x-api-key'])).toEqual(['lit-secret-key'])
  await wallets.create({ ...request, name: 'artist:installation:13' })
  expect(made).toHaveLength(2)
})

test.each([
  ['an answer cut off', 'truncate', 1],
  ['a broken connection', 'reset', 0],
  ['an error of the server', { status: 500, body: '"internal"' }, 0],
] as const)('after %s nobody pays twice: a person decides', async (_what, fault, answered) => {
  vendor.inject('POST /core/v1/create_wallet', fault)
  await expect(lit().create(request)).rejects.toThrow(Blocked)
  await expect(lit().create(request)).rejects.toThrow(/not known whether/)
  expect(made).toHaveLength(answered)
  expect(vendor.requests).toHaveLength(1)
  for (const file of await readdir(join(dataFolder, 'submissions'))) await rm(join(dataFolder, 'submissions', file))
  expect(Wallet.parse(await lit().create(request)).address).toBe(made[answered].address)
})

test.each([
  ['no credit', { status: 402, body: '"insufficient credits"' }, 'answered 402: insufficient credits'],
  ['a wrong key', { status: 401, body: '"unknown key lit-secret-key"' }, 'answered 401 (check the key)'],
])('%s is said in the words of Lit without the key, and the next attempt asks again', async (_what, fault, said) => {
  vendor.inject('POST /core/v1/create_wallet', fault)
  const refusal = await lit()
    .create(request)
    .catch((error: Error) => error)
  expect(refusal).toMatchObject({ kind: 'PROVIDER_REJECTED', message: expect.stringContaining(said) })
  expect(String(refusal)).not.toContain('lit-secret-key')
  expect(Wallet.parse(await lit().create(request)).address).toBe(made[0].address)
})

test('an overloaded Lit is asked again at once, because it has done nothing', async () => {
  vendor.inject('POST /core/v1/create_wallet', { status: 429, body: '"slow down"' })
  expect(Wallet.parse(await lit().create(request)).provider).toBe('lit')
  expect([vendor.requests.length, made.length]).toEqual([2, 1])
})

test('an answer of another form is no wallet', async () => {
  vendor.inject('POST /core/v1/create_wallet', { json: { wallet_address: '0x12' } })
  await expect(lit().create(request)).rejects.toMatchObject({ kind: 'BLOCKED' })
})

test('Lit signs in its enclave, and a signature of somebody else is refused', async () => {
  const wallets = lit()
  const { address } = await wallets.create(request)
  const owner = address as `0x${string}`
  const signature = await wallets.sign({ name, address: owner, message: 'hello', signal })
  expect(await recoverMessageAddress({ message: 'hello', signature })).toBe(address)
  const stranger = privateKeyToAccount(generatePrivateKey())
  await expect(wallets.sign({ name, address: stranger.address, message: 'x', signal })).rejects.toThrow(
    'pkp not permitted',
  )
  const forged = await stranger.signMessage({ message: 'hello' })
  vendor.inject('POST /core/v1/lit_action', { json: { response: { signature: forged }, logs: '', has_error: false } })
  await expect(wallets.sign({ name, address: owner, message: 'hello', signal })).rejects.toThrow("somebody else's")
  vendor.inject('POST /core/v1/lit_action', { json: { response: toHex('no'), logs: null, has_error: false } })
  await expect(wallets.sign({ name, address: owner, message: 'hello', signal })).rejects.toThrow('expected a signature')
})

test('Lit without a key is refused by name', () => {
  expect(capability.choose({ WALLET_PROVIDER: 'lit' })).toEqual({
    ok: false,
    issues: [expect.stringContaining('LIT_API_KEY is missing')],
  })
})
