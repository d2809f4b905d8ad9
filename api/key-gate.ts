import { z } from 'zod'
import type { Chain } from '../worker/chain/contract.ts'
import type { Client } from '../worker/db/client.ts'
import type { Log } from '../worker/log.ts'
import type { Encryption } from '../worker/providers/encryption/contract.ts'
import { embeddedEncryption } from '../worker/providers/encryption/embedded.ts'
import { gateUrlOf } from '../worker/providers/encryption/gate-url.ts'
import type { Vault } from '../worker/vault/contract.ts'
import { createJudge, type Judge, type Judgement } from './key-gate-judge.ts'
import { type ReadMessage, readMessage } from './key-gate-message.ts'
import { KeyGateProblem } from './key-gate-problem.ts'
import { callerOf, createRate } from './key-gate-rate.ts'
import { addNonce, type Nonce, recordRefusal, settleRelease } from './key-gate-records.ts'

/** Behind a proxy all players are one caller, so these are for a house, not for a person. */
const NONCES_PER_MINUTE = 120
const RELEASES_PER_MINUTE = 120
const RELEASES_PER_ADDRESS_AND_MINUTE = 20

const ReleaseRequest = z.strictObject({
  message: z.string().max(10_000),
  signature: z.string().max(20_000),
  keyId: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'expected the keyId of a manifest'),
})

export interface KeyGateOptions {
  readonly client: Pick<Client, 'pool'>
  readonly vault: Vault
  /** The configured provider. Keys in our own vault are given out whichever it is. */
  readonly encryption: Encryption
  /** The chain the locks live on. */
  readonly locks: Pick<Chain, 'id' | 'reader'>
  /** How clients reach the API. */
  readonly publicUrl: string
  /** Hosts of other sites whose players may ask for keys here: `player.example`. */
  readonly otherDomains?: readonly string[]
  readonly log: Log
}

export interface KeyGate {
  /** Hosts that messages may be signed for. */
  readonly domains: readonly string[]
  /** A number to sign once. @throws KeyGateProblem TOO_MANY_REQUESTS */
  nonce(remoteAddress: string | undefined): Promise<Nonce>
  /**
   * The content key, in base64, for a signed message of an address that meets the key's conditions at this moment.
   *
   * @param body what was sent, of any form
   * @throws KeyGateProblem that says which requirement is not met
   */
  release(body: unknown, remoteAddress: string | undefined): Promise<{ readonly contentKey: string }>
}

/**
 * Gives content keys to those who meet the conditions that were sealed with them: not what a request or a manifest says counts,
 * but what the vault holds and the chain answers. Every decision is written down before a key is sent.
 */
export function createKeyGate(options: KeyGateOptions): KeyGate {
  const { client, vault, encryption, locks, publicUrl, otherDomains = [], log } = options
  const gateUrl = gateUrlOf(publicUrl)
  const domains = [new URL(publicUrl).host, ...otherDomains]
  const networks = [embeddedEncryption({ vault: () => vault, gateUrl: () => gateUrl }), encryption]
  const nonceRate = createRate({ perMinute: NONCES_PER_MINUTE })
  const callerRate = createRate({ perMinute: RELEASES_PER_MINUTE })
  const addressRate = createRate({ perMinute: RELEASES_PER_ADDRESS_AND_MINUTE })
  const judge = createJudge({
    client,
    vault,
    networks,
    locks,
    domains,
    gateUrl,
    allow: (address) => allow(addressRate.take(address.toLowerCase())),
    log,
  })

  return {
    domains,
    async nonce(remoteAddress) {
      allow(nonceRate.take(callerOf(remoteAddress)))
      return addNonce(client)
    },
    async release(body, remoteAddress) {
      allow(callerRate.take(callerOf(remoteAddress)))
      const request = parseRequest(body)
      const message = readMessage(request.message)
      const who = { keyId: request.keyId, address: message.address.toLowerCase() }
      try {
        const contentKey = await decide(judge, client, request, message, who)
        log.info('a key was given out', who)
        return { contentKey }
      } catch (error) {
        if (error instanceof KeyGateProblem) log.info('a key was refused', { ...who, reason: error.code })
        throw error
      }
    },
  }
}

async function decide(
  judge: Judge,
  client: Pick<Client, 'pool'>,
  request: z.output<typeof ReleaseRequest>,
  message: ReadMessage,
  who: { readonly keyId: string; readonly address: string },
): Promise<string> {
  let judgement: Judgement
  try {
    judgement = await judge(request, message)
  } catch (error) {
    if (error instanceof KeyGateProblem) await recordRefusal(client, { ...who, reason: error.code, blockNumber: null })
    throw error
  }
  const { blockNumber } = judgement
  const reason = 'refusal' in judgement ? judgement.refusal.code : 'HOLDS_KEY'
  await settleRelease(client, message.nonce, { ...who, reason, blockNumber })
  if ('refusal' in judgement) throw judgement.refusal
  return Buffer.from(judgement.contentKey).toString('base64')
}

function parseRequest(body: unknown): z.output<typeof ReleaseRequest> {
  const parsed = ReleaseRequest.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const place = issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''
  throw new KeyGateProblem('BAD_REQUEST', `expected { message, signature, keyId }; ${place}${issue.message}`)
}

function allow(retryAfterSeconds: number): void {
  if (retryAfterSeconds === 0) return
  const message = `too many requests: try again in ${retryAfterSeconds} s`
  throw new KeyGateProblem('TOO_MANY_REQUESTS', message, { retryAfterSeconds })
}
