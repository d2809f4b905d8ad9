import { randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { ALGORITHM } from '../../../client/manifest.ts'
import { AppError, Blocked, InvalidInput, ProviderRejected, ProviderUnavailable } from '../../errors.ts'
import type { Http, HttpRequest } from '../../net/http.ts'
import { redact } from '../../net/redact.ts'
import { defineProvider } from '../capability.ts'
import type { Encryption } from './contract.ts'
import { configuredGateUrl, gateVariables } from './gate-url.ts'
import { assertOwnConditions, keepKey } from './kept-key.ts'
import { litAction } from './lit-action.ts'

const PROVIDER = 'lit-chipotle'
/** A cent for each second an action runs, one at least, and a cent for permitting a new lock's action. */
const USD_MICROS_PER_KEY = 20_000

const ActionAnswer = z.object({ has_error: z.boolean(), response: z.unknown() })
const Sealed = z.object({ sealedKey: z.string().min(1).max(20_000) })
const Opened = z.union([
  z.object({ error: z.string().regex(/^[A-Z_]{1,40}$/) }),
  z.object({ contentKey: z.base64().length(44) }),
])

const chipotleVariables = {
  ...gateVariables,
  LIT_API_URL: z
    .url({ protocol: /^https?$/ })
    .default('https://api.chipotle.litprotocol.com')
    .meta({ description: "Lit Protocol's API" }),
  LIT_API_KEY: z
    .string()
    .meta({ description: 'usage key that may run actions of the group and add actions to it', isSecret: true }),
  LIT_PKP_ID: z
    .string()
    .regex(/^0x[0-9a-fA-F]{40}$/, 'expected the address that create_wallet answered')
    .meta({ description: 'key pair that content keys are encrypted with; a member of the group' }),
  LIT_GROUP_ID: z.coerce.number().int().min(0).meta({ description: 'group whose actions may use the key pair' }),
  LIT_RPC_URL: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !URL.parse(url)?.username && !URL.parse(url)?.password, 'must not carry a password')
    .meta({
      description:
        "JSON-RPC of the locks' chain as Lit's nodes reach it; stands in the action, so nothing secret in it",
    }),
}

/**
 * Lit Protocol's third network: content keys are encrypted inside an enclave and opened there only, by an action that checks the
 * signature and the lock itself. Our key gate passes requests on, so that players speak one protocol.
 */
export const litChipotle = defineProvider({
  name: PROVIDER,
  environment: z.object(chipotleVariables),
  create: (settings, { http, vault }): Encryption => {
    const url = (path: string) => `${settings.LIT_API_URL.replace(/\/+$/, '')}/core/v1/${path}`
    const headers = { 'x-api-key': settings.LIT_API_KEY }
    const permitted = new Set<string>()

    async function permit(action: string, signal: AbortSignal): Promise<string> {
      const cid = await http.json(url('get_lit_action_ipfs_id'), z.string().regex(/^[A-Za-z0-9]{30,100}$/), {
        method: 'POST',
        json: action,
        idempotent: true,
        signal,
      })
      if (permitted.has(cid)) return cid
      const request = { group_id: settings.LIT_GROUP_ID, action_ipfs_cid: cid }
      // The group is a set: the same action again changes nothing.
      const { success } = await http.json(url('add_action_to_group'), z.object({ success: z.boolean() }), {
        method: 'POST',
        headers,
        json: request,
        idempotent: true,
        signal,
      })
      if (!success)
        throw new ProviderRejected(PROVIDER, `the group ${settings.LIT_GROUP_ID} did not take the action ${cid}`)
      permitted.add(cid)
      return cid
    }

    async function run(code: string, params: object, secret: string, signal: AbortSignal): Promise<unknown> {
      const request: HttpRequest = {
        method: 'POST',
        headers,
        json: { code, js_params: params },
        idempotent: true,
        signal,
      }
      const answer = await withoutSecret(http, url('lit_action'), request, secret)
      if (!answer.has_error) return answer.response
      const said = redact(JSON.stringify(answer.response ?? null), [secret]).slice(0, 200)
      throw new ProviderUnavailable(PROVIDER, `the action failed: ${said}`)
    }

    return {
      network: PROVIDER,
      usdMicrosPerKey: USD_MICROS_PER_KEY,
      async protect({ lock, conditions, signal }) {
        assertOwnConditions(conditions, lock)
        const gateUrl = configuredGateUrl(settings)
        const action = litAction({ lock, rpcUrl: settings.LIT_RPC_URL, gateUrl, pkpId: settings.LIT_PKP_ID })
        const actionCid = await permit(action, signal)
        const keyId = randomUUID()
        const contentKey = Uint8Array.from(randomBytes(32))
        const text = Buffer.from(contentKey).toString('base64')
        const sealed = Sealed.safeParse(await run(action, { seal: { keyId, contentKey: text } }, text, signal))
        // What came instead is not repeated: it could hold the key.
        if (!sealed.success) throw new ProviderRejected(PROVIDER, 'the action answered no sealed key')
        const { sealedKey } = sealed.data
        const keptLock = { address: lock.address.toLowerCase(), chainId: lock.chainId }
        await keepKey(vault(), keyId, { network: PROVIDER, lock: keptLock, sealedKey, action })
        return { contentKey, access: { algorithm: ALGORITHM, keyId, network: PROVIDER, gateUrl, sealedKey, actionCid } }
      },
      async release(kept, { message, signature }, { signal }) {
        if (kept.network !== PROVIDER)
          throw new InvalidInput(`expected a key of ${PROVIDER}, got one of ${kept.network}`)
        const params = { open: { message, signature, sealedKey: kept.sealedKey } }
        const opened = Opened.safeParse(await run(kept.action, params, signature, signal))
        if (!opened.success) throw new ProviderRejected(PROVIDER, 'the action answered neither a key nor a reason')
        if ('error' in opened.data) {
          const { error: reason } = opened.data
          throw new Blocked(`Lit Protocol does not open the key: ${reason}`, { details: { reason } })
        }
        return Uint8Array.from(Buffer.from(opened.data.contentKey, 'base64'))
      },
    }
  },
})

/** Services repeat in their errors what they were sent; a key must not come back that way. */
async function withoutSecret(http: Http, url: string, request: HttpRequest, secret: string) {
  try {
    return await http.json(url, ActionAnswer, request)
  } catch (error) {
    if (!(error instanceof AppError) || !error.message.includes(secret)) throw error
    const message = redact(error.message, [secret]).replace(`${PROVIDER}: `, '')
    const ErrorClass = error.retryable ? ProviderUnavailable : ProviderRejected
    throw new ErrorClass(PROVIDER, message, { details: { status: error.details.status } })
  }
}
