import { parseArgs } from 'node:util'
import {
  type Abi,
  type Address,
  createPublicClient,
  createWalletClient,
  getAddress,
  type Hex,
  http,
  isAddressEqual,
  type LocalAccount,
  type PublicClient,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { z } from 'zod'
import { AppError, Conflict, InvalidInput, ProviderRejected } from '../worker/errors.ts'
import { accountsAbi, accountsBytecode } from './abi/accounts.ts'
import { catalogAbi, catalogBytecode } from './abi/catalog.ts'
import { spaceAbi, spaceBytecode } from './abi/space.ts'
import { walletsAbi, walletsBytecode } from './abi/wallets.ts'
import { askNode } from './ask-node.ts'

const CONTRACTS = {
  CATALOG_ADDRESS: { abi: catalogAbi, bytecode: catalogBytecode, isAllowed: 'isEmitter', allow: 'setEmitter' },
  ACCOUNTS_ADDRESS: { abi: accountsAbi, bytecode: accountsBytecode, isAllowed: 'isWriter', allow: 'setWriter' },
  WALLETS_ADDRESS: { abi: walletsAbi, bytecode: walletsBytecode, isAllowed: 'isWriter', allow: 'setWriter' },
  SPACE_ADDRESS: { abi: spaceAbi, bytecode: spaceBytecode, isAllowed: 'isWriter', allow: 'setWriter' },
} as const satisfies Record<string, { abi: Abi; bytecode: Hex; isAllowed: string; allow: string }>

/** The environment variables that say where our contracts are. */
export type AddressVariable = keyof typeof CONTRACTS
const VARIABLES = Object.keys(CONTRACTS) as AddressVariable[]

const USAGE = `usage: PRIVATE_KEY=0x… node contracts/deploy-production.ts --rpc URL [--emitter ADDRESS]

Deploys ${VARIABLES.length} contracts, which the account of PRIVATE_KEY then owns, and lets the emitter write in them (the same account
unless named). Prints their addresses as environment variables; those that are set already are kept, and only the emitter
is let in.`

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'expected 0x and 40 hexadecimal digits')
  .transform((text) => getAddress(text.toLowerCase()))
const Environment = z.object({
  PRIVATE_KEY: z
    .string('expected the key that deploys')
    .regex(/^0x[0-9a-fA-F]{64}$/, 'expected 0x and 64 hexadecimal digits')
    .transform((text) => text as Hex),
  ...(Object.fromEntries(VARIABLES.map((variable) => [variable, address.optional()])) as Record<
    AddressVariable,
    z.ZodOptional<typeof address>
  >),
})
const Options = z.object({
  rpc: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }),
  emitter: address.optional(),
})

interface Deployment {
  readonly rpcUrl: string
  /** Pays, and owns what it deploys. */
  readonly account: LocalAccount
  /** Who may write. */
  readonly emitter: Address
  /** What is there already. */
  readonly existing: Readonly<Partial<Record<AddressVariable, Address>>>
  /** Told of each contract as soon as it is there, so that a run that is cut short can be continued. */
  onDeployed(variable: AddressVariable, address: Address): void
}

/**
 * Deploys our contracts to any EVM chain and lets the emitter write in them. Unlock is not deployed: it is on those chains.
 *
 * @throws Conflict when an existing address has no such contract or another owner; ProviderRejected when the chain refuses
 * (no funds, say); ProviderUnavailable when the node does not answer
 */
export async function deployProduction(deployment: Deployment): Promise<void> {
  const client = createPublicClient({ transport: http(deployment.rpcUrl), pollingInterval: 500 })
  for (const variable of VARIABLES) {
    const existing = deployment.existing[variable]
    if (existing) await letIn(client, deployment, variable, existing)
    deployment.onDeployed(variable, existing ?? (await deploy(client, deployment, variable)))
  }
}

async function deploy(client: PublicClient, deployment: Deployment, variable: AddressVariable): Promise<Address> {
  const { abi, bytecode } = CONTRACTS[variable]
  const wallet = walletOf(deployment)
  // All four take the first writer, so that one transaction each is enough.
  const hash = await askNode(() =>
    wallet.deployContract({ abi, bytecode, args: [deployment.emitter], chain: null } as never),
  )
  const receipt = await mined(client, hash)
  if (!receipt.contractAddress) throw new ProviderRejected('chain', `transaction ${hash} created no contract`)
  return getAddress(receipt.contractAddress)
}

async function letIn(client: PublicClient, deployment: Deployment, variable: AddressVariable, at: Address) {
  const { abi, isAllowed, allow } = CONTRACTS[variable]
  const { account, emitter } = deployment
  const read = (functionName: string, args: readonly Address[]) =>
    askNode(() => client.readContract({ address: at, abi: abi as Abi, functionName, args }))
  const may = await read(isAllowed, [emitter]).catch((error: unknown) => {
    if (!(error instanceof ProviderRejected)) throw error
    throw new Conflict(`expected our contract at ${variable}=${at}, found none that answers ${isAllowed}`, {
      cause: error,
    })
  })
  if (may === true) return
  const owner = getAddress(String(await read('owner', [])))
  if (!isAddressEqual(owner, account.address))
    throw new Conflict(`expected ${account.address} to own the contract at ${variable}=${at}, its owner is ${owner}`)
  const call = { address: at, abi, functionName: allow, args: [emitter, true], chain: null }
  await mined(client, await askNode(() => walletOf(deployment).writeContract(call as never)))
}

const walletOf = ({ account, rpcUrl }: Deployment) => createWalletClient({ account, transport: http(rpcUrl) })

async function mined(client: PublicClient, hash: Hex) {
  const receipt = await askNode(() => client.waitForTransactionReceipt({ hash }))
  if (receipt.status !== 'success') throw new ProviderRejected('chain', `transaction ${hash} has reverted`)
  return receipt
}

if (import.meta.main) {
  try {
    await main()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}

async function main(): Promise<void> {
  const { values } = parseOptions()
  const { rpc, emitter } = check(Options, values, '--')
  const set = Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== ''))
  const { PRIVATE_KEY, ...existing } = check(Environment, set, '')
  const account = privateKeyToAccount(PRIVATE_KEY)
  await deployProduction({
    rpcUrl: rpc,
    account,
    emitter: emitter ?? account.address,
    existing: existing as Deployment['existing'],
    onDeployed: (variable, at) => process.stdout.write(`${variable}=${at}\n`),
  })
}

function parseOptions() {
  try {
    return parseArgs({ options: { rpc: { type: 'string' }, emitter: { type: 'string' } } })
  } catch (cause) {
    throw new InvalidInput(`${cause instanceof Error ? cause.message : cause}\n${USAGE}`, { cause })
  }
}

/** The values themselves stay out of the message: one of them is a key. */
function check<Schema extends z.ZodType>(schema: Schema, values: unknown, prefix: string): z.output<Schema> {
  const result = schema.safeParse(values)
  if (result.success) return result.data
  const problems = result.error.issues.map(({ path, message }) => `${prefix}${path.join('.')}: ${message}`)
  throw new InvalidInput(`${problems.join('\n')}\n${USAGE}`)
}
