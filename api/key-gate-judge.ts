import type { Chain } from '../worker/chain/contract.ts'
import type { Client } from '../worker/db/client.ts'
import { AppError, Blocked, ProviderUnavailable } from '../worker/errors.ts'
import type { Log } from '../worker/log.ts'
import { readAccess } from '../worker/providers/encryption/access.ts'
import type { Encryption } from '../worker/providers/encryption/contract.ts'
import { conditionsOf, findKey, type KeptKey } from '../worker/providers/encryption/kept-key.ts'
import type { Vault } from '../worker/vault/contract.ts'
import { checkMessage, type ReadMessage } from './key-gate-message.ts'
import { KeyGateProblem } from './key-gate-problem.ts'
import { checkNonce } from './key-gate-records.ts'
import { isSignedBy } from './key-gate-signature.ts'

const NETWORK_MS = 30_000

export interface ReleaseRequest {
  readonly message: string
  readonly signature: string
  readonly keyId: string
}

/** A judgement that uses up the nonce. */
export type Judgement =
  | { readonly contentKey: Uint8Array; readonly blockNumber: number }
  | { readonly refusal: KeyGateProblem; readonly blockNumber: number | null }

/** Judges a request; changes nothing. @throws KeyGateProblem where the nonce stays unused */
export type Judge = (request: ReleaseRequest, message: ReadMessage) => Promise<Judgement>

/**
 * Holds a request against what the vault keeps and what the chain says. What the request itself claims about conditions does not
 * exist: it cannot name any.
 */
export function createJudge(options: {
  readonly client: Pick<Client, 'pool'>
  readonly vault: Vault
  readonly networks: readonly Encryption[]
  readonly locks: Pick<Chain, 'id' | 'reader'>
  readonly domains: readonly string[]
  readonly gateUrl: string
  /** Called once the address is proven. @throws KeyGateProblem when it asks too often */
  allow(address: string): void
  readonly log: Log
}): Judge {
  const { client, vault, networks, locks, domains, gateUrl, allow, log } = options

  async function openKey(keyId: string): Promise<KeptKey> {
    const kept = await findKey(vault, keyId).catch((cause: unknown) => {
      if (!(cause instanceof AppError)) throw cause
      log.error('the vault does not open', { keyId, error: cause })
      throw new KeyGateProblem('KEYS_UNAVAILABLE', 'keys cannot be opened at the moment', { cause })
    })
    if (!kept) throw new KeyGateProblem('UNKNOWN_KEY', `there is no key ${keyId}`)
    return kept
  }

  async function release(kept: KeptKey, { keyId, ...proof }: ReleaseRequest): Promise<Uint8Array> {
    const network = networks.find((one) => one.network === kept.network)
    try {
      if (!network) throw new Blocked(`no provider is configured for keys of ${kept.network}: set ENCRYPTION_PROVIDER`)
      return await network.release(kept, proof, { signal: AbortSignal.timeout(NETWORK_MS) })
    } catch (cause) {
      if (network && cause instanceof Blocked) throw new KeyGateProblem('REFUSED_BY_NETWORK', cause.message, { cause })
      log.error('a key could not be opened', { keyId, network: kept.network, error: cause })
      throw new KeyGateProblem('KEYS_UNAVAILABLE', `keys of ${kept.network} cannot be opened at the moment`, { cause })
    }
  }

  async function fromChain<Result>(read: () => Promise<Result>): Promise<Result> {
    try {
      return await read()
    } catch (cause) {
      if (!(cause instanceof ProviderUnavailable)) throw cause
      log.warn('the chain of the locks did not answer a request for a key', { error: cause })
      throw new KeyGateProblem('CHAIN_UNAVAILABLE', 'the chain of the lock does not answer: try again', { cause })
    }
  }

  return async (request, message) => {
    const { keyId, signature } = request
    const { address } = message
    const kept = await openKey(keyId)
    const { chainId, address: lock } = kept.lock
    checkMessage(message, { domains, gateUrl, chainId, keyId, nowMs: Date.now() })
    await checkNonce(client, message.nonce)
    if (!(await fromChain(() => isSignedBy(locks.reader, address, request.message, signature)))) {
      const refusal = new KeyGateProblem('BAD_SIGNATURE', `the signature is not one of ${address} under this message`)
      return { refusal, blockNumber: null }
    }
    // Not before: else anybody could use up the turns of an address that is not theirs.
    allow(address)
    const { isMet, blockNumber } = await fromChain(() => readAccess(locks, conditionsOf(kept), address))
    if (!isMet) {
      const text = `${address} holds no valid key of the lock ${lock} on chain ${chainId} at block ${blockNumber}`
      return { refusal: new KeyGateProblem('NO_KEY', text), blockNumber }
    }
    return { contentKey: await release(kept, request), blockNumber }
  }
}
