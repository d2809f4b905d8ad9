import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { runInNewContext } from 'node:vm'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { type Address, createPublicClient, type Hex, http, parseAbi, recoverMessageAddress } from 'viem'
import { startVendor, type Vendor } from '../support/vendor.ts'

export const API_KEY = 'lit-usage-key-secret'
export const PKP_ID = '0x1111111111111111111111111111111111111111'
export const GROUP_ID = 7

export interface LitServer extends Vendor {
  /** CIDs of the actions that may use the key pair. */
  readonly permitted: Set<string>
  /** The text of the action that ran last. */
  lastAction(): string
  /** How it answers from now on: as it should, with 503, or with an error that repeats what it was sent. */
  mood: 'works' | 'down' | 'repeats' | 'repeats in the answer'
}

/**
 * Lit Protocol's API on loopback: it keeps a group of permitted actions, and really runs what it is sent, with the parts of
 * `ethers` and `Lit.Actions` that actions may use. `Decrypt` works only in permitted actions.
 */
export async function startLitServer(): Promise<LitServer> {
  const permitted = new Set<string>()
  const secret = randomBytes(32)
  let lastAction = ''
  const isOurs = (headers: Record<string, unknown>) => headers['x-api-key'] === API_KEY
  const state: Pick<LitServer, 'mood'> = { mood: 'works' }
  const vendor = await startVendor({
    'POST /core/v1/get_lit_action_ipfs_id': (request) => ({ json: cidOf(request.json() as string) }),
    'POST /core/v1/add_action_to_group': (request) => {
      if (!isOurs(request.headers)) return { status: 401, json: 'Invalid API key' }
      const { group_id: group, action_ipfs_cid: cid } = request.json() as { group_id: number; action_ipfs_cid: string }
      if (group !== GROUP_ID) return { status: 403, json: `no access to group ${group}` }
      permitted.add(cid)
      return { json: { success: true } }
    },
    'POST /core/v1/lit_action': async (request) => {
      if (!isOurs(request.headers)) return { status: 401, json: 'Invalid API key' }
      const { code, js_params: params } = request.json() as { code: string; js_params: object }
      lastAction = code
      const said = `failed with ${JSON.stringify(params)}`
      if (state.mood === 'down') return { status: 503, json: 'overloaded' }
      if (state.mood === 'repeats') return { status: 400, json: said }
      if (state.mood === 'repeats in the answer') return { json: { response: said, logs: said, has_error: true } }
      try {
        const response = await run(code, params, permitted.has(cidOf(code)) ? secret : null)
        return { json: { response, logs: '', has_error: false } }
      } catch (error) {
        return { json: { response: String(error), logs: `params ${JSON.stringify(params)}`, has_error: true } }
      }
    },
  })
  return Object.assign(state, vendor, { permitted, lastAction: () => lastAction })
}

/** The CID that IPFS gives a small file in one block of its older, `Qm…` kind. */
function cidOf(code: string): string {
  const digest = createHash('sha256').update(code).digest()
  return CID.createV0(createDigest(0x12, digest)).toString()
}

async function run(code: string, params: object, secret: Buffer | null): Promise<unknown> {
  const context = { JSON, Date, RegExp, ethers: ethersLike, Lit: { Actions: actionsOf(secret) }, params }
  const answer = await runInNewContext(`${code}\nmain(params)`, context, { timeout: 5_000 })
  // Only what JSON carries leaves an enclave.
  return JSON.parse(JSON.stringify(answer))
}

function actionsOf(secret: Buffer | null) {
  const assertMay = (pkpId: string) => {
    if (!secret || pkpId !== PKP_ID) throw new Error('action is not permitted to use this PKP')
    return secret
  }
  return {
    async Encrypt({ pkpId, message }: { pkpId: string; message: string }) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', assertMay(pkpId), nonce)
      return Buffer.concat([nonce, cipher.update(message), cipher.final(), cipher.getAuthTag()]).toString('base64')
    },
    async Decrypt({ pkpId, ciphertext }: { pkpId: string; ciphertext: string }) {
      const sealed = Buffer.from(ciphertext, 'base64')
      const decipher = createDecipheriv('aes-256-gcm', assertMay(pkpId), sealed.subarray(0, 12))
      decipher.setAuthTag(sealed.subarray(-16))
      return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).toString('utf8')
    },
  }
}

/** What our action uses of ethers 5. */
const ethersLike = {
  utils: {
    verifyMessage: (message: string, signature: Hex) => recoverMessageAddress({ message, signature }),
  },
  providers: {
    JsonRpcProvider: class {
      readonly url: string
      constructor(url: string) {
        this.url = url
      }
    },
  },
  Contract: class {
    readonly #address: Address
    readonly #abi: string[]
    readonly #url: string
    constructor(address: Address, abi: string[], provider: { url: string }) {
      this.#address = address
      // Made in the action's own realm: viem asks Array.isArray of arrays of ours.
      this.#abi = Array.from(abi)
      this.#url = provider.url
    }
    async balanceOf(owner: Address) {
      const client = createPublicClient({ transport: http(this.#url, { retryCount: 0 }) })
      const abi = parseAbi(this.#abi as ['function balanceOf(address) view returns (uint256)'])
      const balance = await client.readContract({
        address: this.#address,
        abi,
        functionName: 'balanceOf',
        args: [owner],
      })
      return { gt: (other: number) => balance > BigInt(other) }
    }
  },
}
