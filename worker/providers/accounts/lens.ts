import { getAddress, isAddressEqual } from 'viem'
import { z } from 'zod'
import { ProviderRejected, ProviderUnavailable } from '../../errors.ts'
import { createLensClient, type LensClient, lensVariables } from '../../net/lens.ts'
import { poll } from '../../net/poll.ts'
import { defineProvider } from '../capability.ts'
import type { AccountRequest, Accounts } from './contract.ts'
import { handlesTaken } from './handles-taken.ts'

const EvmAddress = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .transform((text) => getAddress(text))
const Found = z.object({ address: EvmAddress, owner: EvmAddress }).nullable()
type Found = z.output<typeof Found>
const Reason = { reason: z.string() }
const Created = z.discriminatedUnion('__typename', [
  z.object({ __typename: z.literal('CreateAccountResponse'), hash: z.string().min(1) }),
  z.object({ __typename: z.literal('UsernameTaken'), ...Reason }),
  z.object({ __typename: z.literal('NamespaceOperationValidationFailed'), ...Reason }),
  z.object({ __typename: z.literal('SponsoredTransactionRequest'), ...Reason }),
  z.object({ __typename: z.literal('SelfFundedTransactionRequest'), ...Reason }),
  z.object({ __typename: z.literal('TransactionWillFail'), ...Reason }),
])
const Status = z.discriminatedUnion('__typename', [
  z.object({ __typename: z.literal('PendingTransactionStatus') }),
  z.object({ __typename: z.literal('NotIndexedYetStatus') }),
  z.object({ __typename: z.literal('FinishedTransactionStatus') }),
  z.object({ __typename: z.literal('FailedTransactionStatus'), ...Reason }),
])

const environment = z.object({
  ...lensVariables,
  LENS_NAMESPACE: z
    .string()
    .regex(/^0x[0-9a-fA-F]{40}$/, 'expected 0x and 40 hexadecimal digits')
    .optional()
    .meta({ description: 'namespace of handles on Lens; unset takes the global one' }),
})
type Settings = z.output<typeof environment>

/**
 * Accounts on Lens Chain, whose fees the app's sponsorship pays. Whose a handle is, Lens says itself, so that an attempt that was
 * cut off finds its account again.
 *
 * @see https://lens.xyz/docs/protocol/accounts/create
 */
export const lens = defineProvider({
  name: 'lens',
  environment,
  create: (settings, { http }): Accounts => {
    const client = createLensClient(settings, http)
    return {
      unavailableReason: null,
      longestHandle: 26,
      async create(request) {
        const takenHandles: string[] = []
        let token: string | null = null
        for (const handle of request.handles) {
          let found = await look(client, settings, handle, request.signal)
          let txHash: string | null = null
          if (!found) {
            const { address, sign } = request.owner
            token ??= await client.logIn(address, sign, request.signal)
            txHash = await submit(client, settings, handle, request, token)
            // Null when somebody was quicker, or an earlier attempt whose transaction is not indexed yet.
            found = await settled(client, settings, handle, txHash, request.signal)
          }
          if (!isAddressEqual(found.owner, request.owner.address)) {
            takenHandles.push(handle)
            continue
          }
          const namespace = settings.LENS_NAMESPACE ? `lens/${settings.LENS_NAMESPACE}` : 'lens'
          return { handle, ...found, namespace, provider: 'lens', txHash, takenHandles }
        }
        throw handlesTaken('lens', takenHandles)
      },
    }
  },
})

const username = (settings: Settings, localName: string) => ({
  localName,
  ...(settings.LENS_NAMESPACE ? { namespace: settings.LENS_NAMESPACE } : {}),
})

function look(client: LensClient, settings: Settings, handle: string, signal: AbortSignal): Promise<Found> {
  return client.ask({
    document: 'query ($request: AccountRequest!) { value: account(request: $request) { address owner } }',
    request: { username: username(settings, handle) },
    value: Found,
    idempotent: true,
    signal,
  })
}

/** @returns the transaction's hash; null when the handle is taken */
async function submit(
  client: LensClient,
  settings: Settings,
  handle: string,
  { metadataUri, signal }: AccountRequest,
  token: string,
): Promise<string | null> {
  const created = await client.ask({
    document: `mutation ($request: CreateAccountWithUsernameRequest!) { value: createAccountWithUsername(request: $request) {
      __typename ... on CreateAccountResponse { hash } ... on UsernameTaken { reason }
      ... on NamespaceOperationValidationFailed { reason } ... on SponsoredTransactionRequest { reason }
      ... on SelfFundedTransactionRequest { reason } ... on TransactionWillFail { reason } } }`,
    request: { metadataUri, username: username(settings, handle) },
    value: Created,
    token,
    signal,
  })
  if (created.__typename === 'CreateAccountResponse') return created.hash
  if (created.__typename === 'UsernameTaken') return null
  const wantsSignature = /^(Sponsored|SelfFunded)TransactionRequest$/.test(created.__typename)
  throw new ProviderRejected(
    'lens',
    wantsSignature
      ? `wants the wallet to send the transaction itself (${created.reason}): let the app's sponsorship cover new accounts`
      : `refused the handle ${handle}: ${created.reason}`,
  )
}

/** Waits until Lens says whose the handle is. */
async function settled(
  client: LensClient,
  settings: Settings,
  handle: string,
  txHash: string | null,
  signal: AbortSignal,
): Promise<NonNullable<Found>> {
  const { LENS_POLL_MS: intervalMs, LENS_TIMEOUT_MS: timeoutMs } = settings
  const found = await poll(
    async () => {
      if (txHash !== null && !(await isFinished(client, txHash, signal))) return null
      return await look(client, settings, handle, signal)
    },
    { intervalMs, timeoutMs, signal },
  )
  if (!found) throw new ProviderUnavailable('lens', `the account ${handle} is not there after ${timeoutMs} ms`)
  return found
}

async function isFinished(client: LensClient, txHash: string, signal: AbortSignal): Promise<boolean> {
  const status = await client.ask({
    document: `query ($request: TransactionStatusRequest!) { value: transactionStatus(request: $request) {
      __typename ... on FailedTransactionStatus { reason } } }`,
    request: { txHash },
    value: Status,
    idempotent: true,
    signal,
  })
  if (status.__typename === 'FailedTransactionStatus')
    throw new ProviderUnavailable('lens', `the transaction ${txHash} failed: ${status.reason}`)
  return status.__typename === 'FinishedTransactionStatus'
}
