import { setTimeout as sleep } from 'node:timers/promises'
import { type Address, createPublicClient, encodeFunctionData, http, keccak256, type PublicClient } from 'viem'
import { Conflict, ProviderRejected, ProviderUnavailable } from '../worker/errors.ts'
import { catalogAbi } from './abi/catalog.ts'
import { spaceAbi } from './abi/space.ts'
import type { ContractAddresses } from './addresses.ts'
import { askNode } from './ask-node.ts'
import { DEPLOYER_INDEX, devAccount } from './dev-accounts.ts'
import {
  addressOf,
  type Call,
  CODE_HASHES,
  type Created,
  creations,
  DEPLOYER,
  embeddedAddresses,
  KEY_SYMBOL,
  NONCES,
  unlockSettings,
} from './embedded.ts'
import { LOCK_VERSION, UNLOCK_VERSION, unlockAbi } from './unlock.ts'

export { embeddedAddresses } from './embedded.ts'

// Above what any of these transactions takes, below a block's limit; fixed, so that two deployers sign the same bytes.
const GAS = 8_000_000n
const MAX_FEE_WEI = 100_000_000_000n
const MAX_PRIORITY_FEE_WEI = 1_000_000_000n
const POLL_MS = 5
const PATIENCE_MS = 30_000
const MAX_ROUNDS = 20

interface Session {
  readonly client: PublicClient
  readonly chainId: number
  readonly operator: Address
  readonly signal: AbortSignal
}

/**
 * Deploys and configures everything on a development chain: our contracts, Unlock's factory and its locks' template; the
 * operator may write. It looks at what is there and does only what is missing, so it may be killed and repeated at any
 * moment, and two at once do no harm.
 *
 * @param options.rpcUrl a node that funds the accounts of the development mnemonic, as anvil does
 * @param options.operator who may emit and write from now on
 * @returns always `embeddedAddresses`
 * @throws Conflict when the deployer's account was used for something else on this chain, or has no ETH;
 * ProviderUnavailable when the node does not answer
 */
export async function deployContracts(options: {
  readonly rpcUrl: string
  readonly operator: Address
  readonly signal: AbortSignal
}): Promise<ContractAddresses> {
  const { rpcUrl, operator, signal } = options
  const client = createPublicClient({ transport: http(rpcUrl, { batch: { wait: 0 }, retryCount: 0 }), cacheTime: 0 })
  const chainId = await askNode(() => client.getChainId())
  const session: Session = { client, chainId, operator, signal }
  const calls = [...creations(operator), ...Object.values(unlockSettings(chainId))]
  const nonce = await nonceOf(session)
  if (nonce < calls.length) {
    await checkCode(session, nonce)
    await sendAll(session, calls.slice(nonce), nonce)
  }
  await checkCode(session, calls.length)
  await settle(session)
  return embeddedAddresses
}

/** What was created before a nonce is what we create: else the nonces went to something else. */
async function checkCode({ client }: Session, beforeNonce: number): Promise<void> {
  const created = (Object.keys(NONCES) as Created[]).filter((name) => NONCES[name] < beforeNonce)
  const codes = await askNode(() => Promise.all(created.map((name) => client.getCode({ address: addressOf(name) }))))
  const wrong = created.filter((name, index) => {
    const code = codes[index]
    return code === undefined || (CODE_HASHES[name] !== undefined && keccak256(code) !== CODE_HASHES[name])
  })
  if (created.includes('unlock') && !wrong.includes('unlock') && !(await isFactory(client))) wrong.push('unlock')
  if (wrong.length === 0) return
  throw new Conflict(
    `expected this chain's account ${DEPLOYER} to have deployed Refrain's contracts before anything else, found other code or ` +
      `none for ${wrong.join(', ')}; use a fresh chain, or deploy with contracts/deploy-production.ts and name the addresses ` +
      'in the configuration',
    { details: { contracts: wrong } },
  )
}

async function isFactory(client: PublicClient): Promise<boolean> {
  try {
    const call = { address: embeddedAddresses.unlock, abi: unlockAbi, functionName: 'unlockVersion' } as const
    return (await askNode(() => client.readContract(call))) === UNLOCK_VERSION
  } catch (error) {
    if (error instanceof ProviderRejected) return false
    throw error
  }
}

/** Sends what configuration is missing until none is; somebody else may be doing the same. */
async function settle(session: Session): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const missing = await missingSettings(session)
    if (missing.length === 0) return
    await sendAll(session, missing, await nonceOf(session))
  }
  throw new ProviderRejected('chain', `the contracts' settings did not hold after ${MAX_ROUNDS} tries`)
}

async function missingSettings({ client, chainId, operator }: Session): Promise<Call[]> {
  const { catalog, accounts, wallets, space, unlock } = embeddedAddresses
  const registries = [accounts, wallets, space]
  const factory = { address: unlock, abi: unlockAbi } as const
  const [version, template, symbol, unlockChainId, isEmitter, ...areWriters] = await askNode(() =>
    Promise.all([
      client.readContract({ ...factory, functionName: 'publicLockVersions', args: [addressOf('lockTemplate')] }),
      client.readContract({ ...factory, functionName: 'publicLockAddress' }),
      client.readContract({ ...factory, functionName: 'globalTokenSymbol' }),
      client.readContract({ ...factory, functionName: 'chainId' }),
      client.readContract({ address: catalog, abi: catalogAbi, functionName: 'isEmitter', args: [operator] }),
      ...registries.map((address) =>
        client.readContract({ address, abi: spaceAbi, functionName: 'isWriter', args: [operator] }),
      ),
    ]),
  )
  const { addTemplate, setTemplate, configure } = unlockSettings(chainId)
  const letEmit = encodeFunctionData({ abi: catalogAbi, functionName: 'setEmitter', args: [operator, true] })
  const letWrite = encodeFunctionData({ abi: spaceAbi, functionName: 'setWriter', args: [operator, true] })
  const isConfigured = symbol === KEY_SYMBOL && unlockChainId === BigInt(chainId)
  return [
    ...(version === LOCK_VERSION ? [] : [addTemplate]),
    ...(template === addressOf('lockTemplate') ? [] : [setTemplate]),
    ...(isConfigured ? [] : [configure]),
    ...(isEmitter ? [] : [{ to: catalog, data: letEmit }]),
    ...registries.filter((_, index) => !areWriters[index]).map((to) => ({ to, data: letWrite })),
  ]
}

/** Sends calls at consecutive nonces and returns when all of those nonces are spent, by these calls or by somebody else's. */
async function sendAll(session: Session, calls: readonly Call[], firstNonce: number): Promise<void> {
  const { client, chainId, signal } = session
  const account = devAccount(DEPLOYER_INDEX)
  for (const [index, { to, data }] of calls.entries()) {
    signal.throwIfAborted()
    const serializedTransaction = await account.signTransaction({
      type: 'eip1559',
      chainId,
      nonce: firstNonce + index,
      to,
      data,
      gas: GAS,
      maxFeePerGas: MAX_FEE_WEI,
      maxPriorityFeePerGas: MAX_PRIORITY_FEE_WEI,
    })
    await askNode(() => client.sendRawTransaction({ serializedTransaction })).catch(explainRefusal)
  }
  const deadline = Date.now() + PATIENCE_MS
  while ((await nonceOf(session)) < firstNonce + calls.length) {
    if (Date.now() > deadline)
      throw new ProviderUnavailable('chain', `the transactions were not mined within ${PATIENCE_MS / 1000} s`)
    await sleep(POLL_MS, undefined, { signal })
  }
}

function explainRefusal(error: unknown): void {
  if (!(error instanceof ProviderRejected)) throw error
  // The nonce is taken: by the same transaction, or by another deployer's, who does the same.
  if (/nonce too low|already (known|imported)|underpriced/i.test(error.message)) return
  if (!/insufficient funds/i.test(error.message)) throw error
  throw new Conflict(
    `expected the account ${DEPLOYER} to have ETH, as it has on a development chain; deploy to other chains with ` +
      'contracts/deploy-production.ts',
    { cause: error },
  )
}

const nonceOf = ({ client, signal }: Session) =>
  askNode(() => {
    signal.throwIfAborted()
    return client.getTransactionCount({ address: DEPLOYER, blockTag: 'latest' })
  })
