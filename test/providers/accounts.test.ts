import { parseEventLogs, zeroAddress } from 'viem'
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { accountsAbi } from '../../contracts/abi/accounts.ts'
import { Blocked } from '../../worker/errors.ts'
import { Account, type AccountRequest } from '../../worker/providers/accounts/contract.ts'
import { accounts as capability } from '../../worker/providers/accounts/index.ts'
import type { ProviderDeps } from '../../worker/providers/capability.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { chosen, testDeps } from '../support/provider.ts'
import { startVendor, type Vendor } from '../support/vendor.ts'
import { localChain } from './local-chain.ts'

const { signal } = new AbortController()
let chain: TestChain
beforeAll(async () => {
  chain = await startTestChain()
})

const somebody = () => privateKeyToAccount(generatePrivateKey())
function requestOf(account: PrivateKeyAccount, handles: readonly string[], idempotencyKey = 'key'): AccountRequest {
  const owner = { address: account.address, sign: (message: string) => account.signMessage({ message }) }
  return { handles, metadataUri: 'ipfs://description', owner, idempotencyKey, signal }
}
function embedded() {
  const local = localChain(chain)
  const deps: ProviderDeps = { ...testDeps(), chains: () => ({ clips: local, locks: local }) }
  return { accounts: chosen(capability, {}, deps), local }
}
const read = (handle: string) =>
  chain.client.readContract({
    address: chain.contracts.accounts,
    abi: accountsAbi,
    functionName: 'accountOf',
    args: [handle],
  })

test('an account is made under the first handle that is free, and the ones that were not are told', async () => {
  const { accounts } = embedded()
  const [first, second] = [somebody(), somebody()]
  const one = Account.parse(await accounts.create(requestOf(first, ['twin-ks1', 'twin-2-ks1'])))
  expect(one).toEqual({
    handle: 'twin-ks1',
    address: (await read('twin-ks1'))[0],
    owner: first.address,
    namespace: `eip155:${chain.chainId}/${chain.contracts.accounts}`,
    provider: 'embedded',
    txHash: expect.stringMatching(/^0x/),
    takenHandles: [],
  })
  const { logs } = await chain.client.getTransactionReceipt({ hash: one.txHash as `0x${string}` })
  expect(parseEventLogs({ abi: accountsAbi, eventName: 'AccountCreated', logs })[0].args).toEqual({
    account: one.address,
    owner: first.address,
    handle: 'twin-ks1',
    metadataUri: 'ipfs://description',
  })
  const two = await accounts.create(requestOf(second, ['twin-ks1', 'twin-2-ks1'], 'other'))
  expect(two).toMatchObject({ handle: 'twin-2-ks1', owner: second.address, takenHandles: ['twin-ks1'] })
  expect(two.address).not.toBe(one.address)
})

test('who asks again has the account that is there, also when nothing of the first attempt is known', async () => {
  const { accounts } = embedded()
  const owner = somebody()
  const handles = ['again-ks1', 'again-2-ks1']
  const first = await accounts.create(requestOf(owner, handles))
  expect(await accounts.create(requestOf(owner, handles))).toEqual(first)
  const later = await embedded().accounts.create(requestOf(owner, handles, 'later'))
  expect({ ...later, txHash: null }).toEqual({ ...first, txHash: null })
  expect((await read('again-2-ks1'))[1]).toBe(zeroAddress)
})

test('two that want one handle at once get one each', async () => {
  const { accounts } = embedded()
  const handles = ['race-ks1', 'race-2-ks1', 'race-3-ks1']
  const made = await Promise.all(
    [somebody(), somebody(), somebody()].map((owner, at) => accounts.create(requestOf(owner, handles, `race ${at}`))),
  )
  expect(made.map(({ handle }) => handle).sort()).toEqual(handles.toSorted())
  for (const { handle, owner } of made) expect((await read(handle))[1]).toBe(owner)
})

test('when every handle belongs to others, that is said, and nothing is made', async () => {
  const { accounts, local } = embedded()
  await accounts.create(requestOf(somebody(), ['full-ks1']))
  await accounts.create(requestOf(somebody(), ['full-2-ks1'], 'second'))
  const before = local.orders.length
  await expect(accounts.create(requestOf(somebody(), ['full-ks1', 'full-2-ks1'], 'third'))).rejects.toMatchObject({
    kind: 'CONFLICT',
    message: expect.stringContaining('full-ks1, full-2-ks1 belong to others'),
    details: { takenHandles: ['full-ks1', 'full-2-ks1'] },
  })
  expect(local.orders).toHaveLength(before)
})

test('a handle that the registry refuses is an error, not a collision', async () => {
  const { accounts } = embedded()
  await expect(accounts.create(requestOf(somebody(), ['UPPER', 'fine-ks1']))).rejects.toMatchObject({
    kind: 'PROVIDER_REJECTED',
  })
})

test('a node that does not answer is told without its address, and may be asked again', async () => {
  const local = { ...localChain({ ...chain, rpcUrl: 'http://user:secret@127.0.0.1:9/key' }) }
  const deps: ProviderDeps = { ...testDeps(), chains: () => ({ clips: local, locks: local }) }
  const fault = await chosen(capability, {}, deps)
    .create(requestOf(somebody(), ['gone-ks1']))
    .catch((error: Error) => error)
  expect(fault).toMatchObject({ kind: 'PROVIDER_UNAVAILABLE', retryable: true })
  expect(`${fault} ${(fault as Error).stack} ${(fault as Error).cause}`).not.toMatch(/secret|127\.0\.0\.1/)
})

test('without a chain nothing is made, and the reason says so', () => {
  const none = () => {
    throw new Blocked('no chain is configured: CHAIN_RPC_URL is off')
  }
  const accounts = chosen(capability, {}, { ...testDeps(), chains: none })
  expect(accounts.unavailableReason).toBe('no chain is configured: CHAIN_RPC_URL is off')
})

// Lens -----------------------------------------------------------------------------------------------------------------

interface LensState {
  /** Owner by handle. */
  readonly owners: Map<string, string>
  /** What the next creations answer instead. */
  readonly refusals: object[]
  /** How often a transaction is said to be pending before it is finished. */
  pendingAnswers: number
  /** How often the account is not shown that is there. */
  looksHidden: number
  /** The next creation happens, and its answer is an error of the server. */
  isBroken: boolean
  created: number
}
let lens: LensState
let vendor: Vendor
beforeEach(async () => {
  await vendor?.close()
  lens = { owners: new Map(), refusals: [], pendingAnswers: 0, looksHidden: 0, isBroken: false, created: 0 }
  vendor = await startVendor({
    'POST /graphql': (request) => {
      const json = answer(request.json() as GraphqlRequest, request.headers)
      if (!lens.isBroken || lens.created === 0) return { json }
      lens.isBroken = false
      return { status: 500, body: 'the answer was lost' }
    },
  })
})
afterAll(() => vendor?.close())

interface GraphqlRequest {
  readonly query: string
  // biome-ignore lint/suspicious/noExplicitAny: the requests of five operations
  readonly variables: { readonly request: any }
}
const APP = '0xC75A89145d765c396fd75CbD16380Eb184Bd2ca7'
const unauthenticated = { data: null, errors: [{ message: 'log in first', extensions: { code: 'UNAUTHENTICATED' } }] }
const challenges = new Map<string, string>()

/** Lens as its schema says: unions with type names, tokens that name the wallet, handles that are unique. */
function answer({ query, variables: { request } }: GraphqlRequest, headers: Record<string, unknown>): object {
  const value = (one: object | null) => ({ data: { value: one } })
  if (query.includes('challenge(')) {
    if (request.onboardingUser.app !== APP) return { errors: [{ message: 'no such app' }] }
    const id = `challenge-${challenges.size}`
    challenges.set(id, request.onboardingUser.wallet)
    return value({ id, text: `sign in to the app as ${request.onboardingUser.wallet}` })
  }
  if (query.includes('authenticate(')) {
    const wallet = challenges.get(request.id)
    if (!/^0x[0-9a-f]{130}$/.test(request.signature))
      return value({ __typename: 'WrongSignerError', reason: 'no signature' })
    const claims = Buffer.from(JSON.stringify({ sub: wallet })).toString('base64url')
    return value({ __typename: 'AuthenticationTokens', accessToken: `e30.${claims}.sig` })
  }
  if (query.includes('createAccountWithUsername(')) {
    const token = /^Bearer e30\.([\w-]+)\.sig$/.exec(String(headers.authorization))?.[1]
    if (!token || headers.origin !== 'https://refrain.example') return unauthenticated
    const refusal = lens.refusals.shift()
    if (refusal) return value(refusal)
    const handle = request.username.localName
    if (lens.owners.has(handle))
      return value({ __typename: 'UsernameTaken', reason: 'taken', ownedBy: lens.owners.get(handle) })
    lens.owners.set(handle, JSON.parse(Buffer.from(token, 'base64url').toString()).sub)
    lens.created++
    return value({ __typename: 'CreateAccountResponse', hash: `0x${'ab'.repeat(32)}` })
  }
  if (query.includes('transactionStatus(')) {
    if (lens.pendingAnswers-- > 0)
      return value({ __typename: lens.pendingAnswers % 2 ? 'PendingTransactionStatus' : 'NotIndexedYetStatus' })
    return value({ __typename: 'FinishedTransactionStatus' })
  }
  const owner = lens.owners.get(request.username.localName)
  if (owner && lens.looksHidden-- > 0) return value(null)
  return value(owner ? { address: addressOf(request.username.localName), owner } : null)
}
const addressOf = (handle: string) => `0x${Buffer.from(handle.padEnd(20, '-')).toString('hex').slice(0, 40)}`
const onLens = (environment: Record<string, string> = {}) =>
  chosen(capability, {
    ACCOUNTS_PROVIDER: 'lens',
    LENS_API_URL: `${vendor.url}/graphql`,
    LENS_APP_ADDRESS: APP,
    LENS_ORIGIN: 'https://refrain.example',
    LENS_POLL_MS: '5',
    LENS_TIMEOUT_MS: '2000',
    ...environment,
  })
const sent = (operation: string) => vendor.requests.filter(({ body }) => body.includes(`${operation}(`)).length

test("Lens makes an account in the app's name after the wallet has signed its challenge, and waits until it is there", async () => {
  lens.pendingAnswers = 3
  const owner = somebody()
  const made = Account.parse(await onLens().create(requestOf(owner, ['singer-ks1'])))
  expect(made).toMatchObject({
    handle: 'singer-ks1',
    owner: owner.address,
    namespace: 'lens',
    provider: 'lens',
    txHash: `0x${'ab'.repeat(32)}`,
    takenHandles: [],
  })
  expect(made.address.toLowerCase()).toBe(addressOf('singer-ks1'))
  expect(sent('transactionStatus')).toBe(4)
})

test('a handle that somebody has on Lens gives way to the next, with one login', async () => {
  lens.owners.set('singer-ks1', somebody().address)
  const owner = somebody()
  const first = await onLens().create(requestOf(owner, ['singer-ks1', 'singer-2-ks1']))
  expect(first).toMatchObject({ handle: 'singer-2-ks1', takenHandles: ['singer-ks1'] })
  // Somebody is quicker between the question and the request.
  const rival = somebody()
  lens.refusals.push({ __typename: 'UsernameTaken', reason: 'taken', ownedBy: rival.address })
  lens.owners.delete('late-ks1')
  setTimeout(() => lens.owners.set('late-ks1', rival.address), 30)
  const second = await onLens().create(requestOf(owner, ['late-ks1', 'late-2-ks1']))
  expect(second).toMatchObject({ handle: 'late-2-ks1', takenHandles: ['late-ks1'] })
  expect(sent('challenge')).toBe(2)
  await expect(onLens().create(requestOf(somebody(), ['singer-ks1', 'late-ks1']))).rejects.toMatchObject({
    kind: 'CONFLICT',
  })
})

test.each([0, 3])(
  'an account whose making was not answered is found and not made twice (%d looks in vain)',
  async (looksHidden) => {
    Object.assign(lens, { looksHidden, isBroken: true })
    const owner = somebody()
    const handles = ['crash-ks1', 'crash-2-ks1']
    await expect(onLens().create(requestOf(owner, handles))).rejects.toMatchObject({ retryable: true })
    const made = await onLens().create(requestOf(owner, handles))
    expect(made).toMatchObject({ handle: 'crash-ks1', owner: owner.address, takenHandles: [] })
    expect(lens.created).toBe(1)
  },
)

test.each([
  [
    { __typename: 'NamespaceOperationValidationFailed', reason: 'too short' },
    'refused the handle singer-ks1: too short',
  ],
  [{ __typename: 'TransactionWillFail', reason: 'no funds' }, 'refused the handle singer-ks1: no funds'],
  [{ __typename: 'SponsoredTransactionRequest', reason: 'requires signature' }, "let the app's sponsorship cover"],
  [{ __typename: 'SelfFundedTransactionRequest', reason: 'no sponsor' }, "let the app's sponsorship cover"],
])('what Lens answers instead of an account is said: $__typename', async (refusal, said) => {
  lens.refusals.push(refusal)
  await expect(onLens().create(requestOf(somebody(), ['singer-ks1']))).rejects.toMatchObject({
    kind: 'PROVIDER_REJECTED',
    message: expect.stringContaining(said),
  })
})

test('errors of Lens are told apart: those that pass and those that do not', async () => {
  const graphqlError = (code: string) => ({
    json: { data: null, errors: [{ message: 'so it is', extensions: { code } }] },
  })
  vendor.inject('POST /graphql', graphqlError('INTERNAL_SERVER_ERROR'))
  await expect(onLens().create(requestOf(somebody(), ['singer-ks1']))).rejects.toMatchObject({
    kind: 'PROVIDER_UNAVAILABLE',
  })
  vendor.inject('POST /graphql', graphqlError('FORBIDDEN'))
  await expect(onLens().create(requestOf(somebody(), ['singer-ks1']))).rejects.toMatchObject({
    kind: 'PROVIDER_REJECTED',
  })
  vendor.inject('POST /graphql', { json: { data: { value: { address: 5 } } } })
  await expect(onLens().create(requestOf(somebody(), ['singer-ks1']))).rejects.toThrow(/another form/)
  const wrong = { ...requestOf(somebody(), ['singer-ks1']) }
  await expect(onLens().create({ ...wrong, owner: { ...wrong.owner, sign: async () => '0x12' } })).rejects.toThrow(
    'refused the login',
  )
  lens.pendingAnswers = 1_000
  await expect(onLens({ LENS_TIMEOUT_MS: '50' }).create(requestOf(somebody(), ['slow-ks1']))).rejects.toMatchObject({
    kind: 'PROVIDER_UNAVAILABLE',
  })
})
