import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Account, type Address, encodeFunctionData, parseEther, parseEventLogs, zeroAddress } from 'viem'
import { sendProblem } from '../../api/http-problem.ts'
import { createKeyGate, type KeyGateOptions } from '../../api/key-gate.ts'
import { sendKeys } from '../../api/key-gate-route.ts'
import type { Wallet } from '../../client/ask-key.ts'
import { buildConditions, type Lock } from '../../client/conditions.ts'
import type { Manifest } from '../../client/manifest.ts'
import { type SignIn, signInMessage } from '../../client/sign-in.ts'
import { publicLockAbi, unlockAbi } from '../../contracts/unlock.ts'
import { type Client, openClient } from '../../worker/db/client.ts'
import { createLog } from '../../worker/log.ts'
import type { Encryption } from '../../worker/providers/encryption/contract.ts'
import { embeddedEncryption } from '../../worker/providers/encryption/embedded.ts'
import { sealSong, writeManifest } from '../../worker/providers/encryption/seal-song.ts'
import type { Vault } from '../../worker/vault/contract.ts'
import { openVault } from '../../worker/vault/open.ts'
import { draftOf } from '../client/published-song.ts'
import { bytesOf } from '../client/random-bytes.ts'
import type { TestChain } from '../support/chain.ts'
import { createTestDatabase } from '../support/database.ts'

export const KEY_SECONDS = 30 * 86_400

/** A lock of Unlock's factory, of the operator. */
export async function createLock(chain: TestChain, name: string): Promise<Lock> {
  const data = encodeFunctionData({
    abi: publicLockAbi,
    functionName: 'initialize',
    args: [chain.operator.address, BigInt(KEY_SECONDS), zeroAddress, parseEther('0.0006'), 1000n, name],
  })
  const receipt = await chain.write({
    address: chain.contracts.unlock,
    abi: unlockAbi,
    functionName: 'createUpgradeableLock',
    args: [data],
  })
  const [{ args }] = parseEventLogs({ abi: unlockAbi, logs: receipt.logs, eventName: 'NewLock' })
  return { address: args.newLockAddress.toLowerCase(), chainId: chain.chainId }
}

/** Buys a key and gives its token id. */
export async function buyKey(
  chain: TestChain,
  lock: Lock,
  account: Account,
  recipient = account.address,
): Promise<bigint> {
  const receipt = await chain.write({
    address: lock.address as Address,
    abi: publicLockAbi,
    functionName: 'purchase',
    args: [[parseEther('0.0006')], [recipient], [zeroAddress], [recipient], ['0x']],
    value: parseEther('0.0006'),
    account,
  })
  const [{ args }] = parseEventLogs({ abi: publicLockAbi, logs: receipt.logs, eventName: 'Transfer' })
  return args.tokenId
}

export interface Signer {
  readonly address: string
  signMessage(options: { message: string }): Promise<string>
}

/** The newest key of an account. */
export async function tokenOf(chain: TestChain, lock: Lock, account: { address: Address }): Promise<bigint> {
  const address = lock.address as Address
  const args = [account.address, 0n] as const
  return chain.client.readContract({ address, abi: publicLockAbi, functionName: 'tokenOfOwnerByIndex', args })
}

/** An account of viem as a wallet of the client module. */
export function walletOf(account: {
  address: string
  signMessage(options: { message: string }): Promise<string>
}): Wallet {
  return { address: account.address, signMessage: (message) => account.signMessage({ message }) }
}

export interface GateServer {
  readonly url: string
  readonly client: Client
  readonly vault: Vault
  readonly encryption: Encryption
  /** What the gate logged. */
  readonly log: string[]
  /** As a new process would: nobody has asked anything yet. */
  restart(): void
  /** Files that the server gives out under /songs/. */
  readonly songs: Map<string, Uint8Array>
  /** Encrypts a song for a lock, as the stage does, and publishes it with its manifest. */
  publish(lock: Lock, options?: { sizeBytes?: number; encryption?: Encryption }): Promise<PublishedSong>
  post(
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }>
  /** A signed release request for a song, with anything in it changed. */
  asking(
    song: Pick<PublishedSong, 'manifest'>,
    account: Signer,
    change?: Partial<SignIn>,
  ): Promise<{ message: string; signature: string; keyId: string }>
  /** Sends a release request. */
  release(request: object): Promise<{ status: number; code?: unknown; contentKey?: unknown }>
  /** Decisions so far, newest last. */
  releases(): Promise<
    { keyId: string; address: string; decision: string; reason: string; blockNumber: number | null }[]
  >
  close(): Promise<void>
}

export interface PublishedSong {
  readonly song: Uint8Array<ArrayBuffer>
  readonly contentKey: Uint8Array<ArrayBuffer>
  readonly manifest: Manifest
  readonly manifestUrl: string
}

/** The key gate on a server of its own, with a database and a vault, before a chain. */
export async function startGateServer(
  options: Partial<KeyGateOptions> & Pick<KeyGateOptions, 'locks'>,
): Promise<GateServer> {
  const database = await createTestDatabase()
  const client = openClient(database.url)
  const folder = await mkdtemp(join(tmpdir(), 'refrain-gate-'))
  const vault = options.vault ?? openVault({ client, secretKey: randomBytes(32) })
  const log: string[] = []
  const songs = new Map<string, Uint8Array>()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const encryption = embeddedEncryption({ vault: () => vault, gateUrl: () => `${url}/keys` })
  const logger = createLog('debug', (line) => log.push(line))
  const createGate = () => createKeyGate({ client, encryption, publicUrl: url, log: logger, ...options, vault })
  let gate = createGate()
  server.on('request', (request, response) => {
    const path = request.url ?? ''
    const file = songs.get(path.replace('/songs/', ''))
    if (file) return void response.end(file)
    const action = path === '/keys/nonce' ? 'nonce' : 'release'
    sendKeys(gate, request, response, action).catch((error) => sendProblem(error, request, response, logger))
  })

  async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    const answer = (await response.json()) as Record<string, unknown>
    return { status: response.status, body: answer, headers: response.headers }
  }

  return {
    url,
    client,
    vault,
    encryption,
    log,
    songs,
    restart() {
      gate = createGate()
    },
    async publish(lock, { sizeBytes = 200_000, encryption: provider = encryption } = {}) {
      const song = bytesOf(sizeBytes)
      const conditions = buildConditions(lock)
      const { contentKey, access } = await provider.protect({ lock, conditions, signal: AbortSignal.timeout(10_000) })
      const draft = { ...(await draftOf(song, access, lock)), encryption: access }
      const [from, to] = [join(folder, `${access.keyId}.flac`), join(folder, `${access.keyId}.enc`)]
      await writeFile(from, song)
      const sealed = await sealSong({ from, to, contentKey, draft, signal: AbortSignal.timeout(10_000) })
      const text = await writeManifest(draft, { uris: [`${access.keyId}.enc`], ...sealed })
      songs.set(`${access.keyId}.enc`, await readFile(to))
      songs.set(`${access.keyId}.json`, Buffer.from(text))
      return { song, contentKey, manifest: JSON.parse(text), manifestUrl: `${url}/songs/${access.keyId}.json` }
    },
    post,
    async asking({ manifest }, account, change = {}) {
      const { body } = await post('/keys/nonce', {})
      const { keyId } = { ...manifest.encryption, ...change }
      const message = signInMessage({
        domain: new URL(url).host,
        address: account.address,
        uri: `${url}/keys`,
        chainId: manifest.lock.chainId,
        nonce: String(body.nonce),
        issuedAt: String(body.issuedAt),
        expirationTime: String(body.expiresAt),
        ...change,
        keyId,
      })
      return {
        message,
        signature: await account.signMessage({ message }),
        keyId,
      }
    },
    async release(request) {
      const { status, body } = await post('/keys/release', request)
      return { status, ...(body.contentKey ? { contentKey: body.contentKey } : { code: body.code }) }
    },
    async releases() {
      const { rows } = await client.pool.query(
        `select key_id as "keyId", address, decision, reason, block_number as "blockNumber" from key_releases order by id`,
      )
      return rows
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await client.close()
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
