import { z } from 'zod'
import { ProviderRejected, ProviderUnavailable } from '../errors.ts'
import type { Http } from './http.ts'

/** The variables of every provider that speaks to Lens. */
export const lensVariables = {
  LENS_API_URL: z.url().default('https://api.lens.xyz/graphql').meta({ description: 'Lens’s GraphQL API' }),
  LENS_APP_ADDRESS: z
    .string()
    .regex(/^0x[0-9a-fA-F]{40}$/, 'expected 0x and 40 hexadecimal digits')
    .meta({ description: 'address of your app on Lens, in whose name accounts are made' }),
  LENS_ORIGIN: z
    .url()
    .default('https://localhost')
    .meta({ description: 'web address of your app, as Lens is told it' }),
  LENS_POLL_MS: z.coerce
    .number()
    .positive()
    .default(2_000)
    .meta({ description: 'pause between two questions about a transaction on Lens' }),
  LENS_TIMEOUT_MS: z.coerce
    .number()
    .positive()
    .default(120_000)
    .meta({ description: 'how long a transaction on Lens may take' }),
}

const variables = z.object(lensVariables)
export type LensSettings = z.output<typeof variables>

const Failure = z.object({
  message: z.string(),
  extensions: z.object({ code: z.string().nullish() }).nullish(),
})
const Answer = z.object({
  data: z.object({ value: z.unknown() }).nullish(),
  errors: z.array(Failure).nullish(),
})
const Challenge = z.object({ id: z.string(), text: z.string().min(1) })
const Login = z.discriminatedUnion('__typename', [
  z.object({ __typename: z.literal('AuthenticationTokens'), accessToken: z.string().min(1) }),
  z.object({ __typename: z.literal('WrongSignerError'), reason: z.string() }),
  z.object({ __typename: z.literal('ExpiredChallengeError'), reason: z.string() }),
  z.object({ __typename: z.literal('ForbiddenError'), reason: z.string() }),
])
const LATER = new Set(['INTERNAL_SERVER_ERROR', 'SERVICE_UNAVAILABLE', 'TOO_MANY_REQUESTS', 'RATE_LIMITED'])

export interface LensQuestion<Schema extends z.ZodType> {
  /** Answers under the alias `value`, and takes `$request`. */
  readonly document: string
  readonly request: unknown
  readonly value: Schema
  readonly token?: string
  /** Says that asking twice is the same as once. */
  readonly idempotent?: boolean
  readonly signal: AbortSignal
}

/** Lens V3 over plain GraphQL. @see https://lens.xyz/docs/protocol */
export interface LensClient {
  /** @throws ProviderRejected for an error in the answer, ProviderUnavailable where it may pass */
  ask<Schema extends z.ZodType>(question: LensQuestion<Schema>): Promise<z.output<Schema>>
  /** Logs a wallet in that has no account yet. @returns an access token, good for some minutes */
  logIn(wallet: string, sign: (message: string) => Promise<string>, signal: AbortSignal): Promise<string>
}

export function createLensClient(settings: LensSettings, http: Http): LensClient {
  async function ask<Schema extends z.ZodType>(question: LensQuestion<Schema>): Promise<z.output<Schema>> {
    const { document: query, request, value, token, idempotent = false, signal } = question
    const answer = await http.json(settings.LENS_API_URL, Answer, {
      method: 'POST',
      headers: { origin: settings.LENS_ORIGIN, ...(token ? { authorization: `Bearer ${token}` } : {}) },
      json: { query, variables: { request } },
      idempotent,
      signal,
    })
    const [error] = answer.errors ?? []
    if (error) throw failure(error)
    const parsed = value.safeParse(answer.data?.value)
    if (parsed.success) return parsed.data
    const [issue] = parsed.error.issues
    throw new ProviderRejected('lens', `gave an answer of another form: ${issue.path.join('.')}: ${issue.message}`)
  }

  return {
    ask,
    async logIn(wallet, sign, signal) {
      const { id, text } = await ask({
        document: 'mutation ($request: ChallengeRequest!) { value: challenge(request: $request) { id text } }',
        request: { onboardingUser: { app: settings.LENS_APP_ADDRESS, wallet } },
        value: Challenge,
        idempotent: true,
        signal,
      })
      const login = await ask({
        document: `mutation ($request: SignedAuthChallenge!) { value: authenticate(request: $request) {
          __typename ... on AuthenticationTokens { accessToken } ... on WrongSignerError { reason }
          ... on ExpiredChallengeError { reason } ... on ForbiddenError { reason } } }`,
        request: { id, signature: await sign(text) },
        value: Login,
        idempotent: true,
        signal,
      })
      if (login.__typename === 'AuthenticationTokens') return login.accessToken
      if (login.__typename === 'ExpiredChallengeError') throw new ProviderUnavailable('lens', login.reason)
      throw new ProviderRejected('lens', `refused the login of ${wallet}: ${login.reason}`)
    },
  }
}

function failure({ message, extensions }: z.output<typeof Failure>) {
  const code = extensions?.code ?? ''
  const said = `answered ${code ? `${code}: ` : ''}${message.replace(/\s+/g, ' ').slice(0, 300)}`
  return LATER.has(code) ? new ProviderUnavailable('lens', said) : new ProviderRejected('lens', said)
}
