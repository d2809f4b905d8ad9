import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Abi,
  type Account,
  type Address,
  type Chain,
  type ContractFunctionArgs,
  type ContractFunctionName,
  createPublicClient,
  createWalletClient,
  encodeFunctionData,
  type Hash,
  type Hex,
  type HttpTransport,
  http,
  type PublicClient,
  type TransactionReceipt,
  type WalletClient,
} from 'viem'
import type { HDAccount } from 'viem/accounts'
import { foundry } from 'viem/chains'
import { afterAll } from 'vitest'
import type { ContractAddresses } from '../../contracts/addresses.ts'
import { deployContracts, embeddedAddresses } from '../../contracts/deploy.ts'
import { DEPLOYER_INDEX, devAccount } from '../../contracts/dev-accounts.ts'

type Writing = 'nonpayable' | 'payable'

/** A call of a contract, checked against its interface. */
export interface Write<A extends Abi | readonly unknown[], N extends ContractFunctionName<A, Writing>> {
  readonly address: Address
  readonly abi: A
  readonly functionName: N
  readonly args: ContractFunctionArgs<A, Writing, N>
  /** In wei. */
  readonly value?: bigint
  /** Who signs; the operator unless named. */
  readonly account?: Account
}

/** A chain of a test's own: anvil on a free loopback port, a block for each transaction, every contract deployed. */
export interface TestChain {
  readonly rpcUrl: string
  readonly chainId: number
  readonly contracts: ContractAddresses
  /** May emit and write in our contracts. */
  readonly operator: HDAccount
  /** Owns our contracts and Unlock's factory. */
  readonly deployer: HDAccount
  /** One of eight funded accounts that nobody else uses. @param index from 0 to 7 */
  buyer(index: number): HDAccount
  readonly client: PublicClient<HttpTransport, Chain>
  walletOf(account: Account): WalletClient<HttpTransport, Chain, Account>
  /** Sends a call and waits until it is mined; throws when it would revert or has. */
  write<const A extends Abi | readonly unknown[], N extends ContractFunctionName<A, Writing>>(
    call: Write<A, N>,
  ): Promise<TransactionReceipt>
  /** Sends any transaction and waits until it is mined; throws when it has reverted. */
  send(transaction: {
    readonly to?: Address
    readonly data?: Hex
    readonly value?: bigint
    readonly account?: Account
  }): Promise<TransactionReceipt>
  /** Any method, such as anvil's own. */
  rpc<T = unknown>(method: string, params?: readonly unknown[]): Promise<T>
  mine(blocks?: number): Promise<void>
  /** Moves the clock on and mines a block that shows it. */
  increaseTime(seconds: number): Promise<void>
  /** Replaces the newest blocks by as many empty ones. */
  reorg(depth: number): Promise<void>
  /** Whether each transaction mines a block at once (it does at first); else they wait for `mine`. */
  setAutomine(isOn: boolean): Promise<void>
  snapshot(): Promise<Hex>
  /** Goes back to a snapshot, once. */
  revert(snapshot: Hex): Promise<void>
  /** By SIGTERM, which writes the state file if there is one; `SIGKILL` does not. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

export interface TestChainOptions {
  /** To come back where an earlier chain was; free unless named. */
  readonly port?: number
  /** Read at start if it is there, written at the stop and once a second. */
  readonly stateFile?: string
  /** EIP-155 id; 31337 unless named. */
  readonly chainId?: number
  /** Off leaves the chain empty. */
  readonly deploy?: boolean
  /** Other flags of anvil. */
  readonly flags?: readonly string[]
}

const running = new Set<TestChain>()

afterAll(async () => {
  await Promise.all([...running].map((chain) => chain.stop()))
})

/** Starts a chain with everything deployed. It ends with the test file, or by `stop`. */
export async function startTestChain(options: TestChainOptions = {}, attempts = 3): Promise<TestChain> {
  const port = options.port ?? (await freePort())
  const node = spawnAnvil(port, options)
  const rpcUrl = `http://127.0.0.1:${port}`
  const client = createPublicClient({
    chain: { ...foundry, id: options.chainId ?? foundry.id } as Chain,
    transport: http(rpcUrl, { retryCount: 0 }),
    pollingInterval: 10,
    cacheTime: 0,
  })
  try {
    await ready(node, client)
    const chain = describeChain(node, rpcUrl, client)
    if (options.deploy !== false)
      await deployContracts({ rpcUrl, operator: chain.operator.address, signal: AbortSignal.timeout(20_000) })
    running.add(chain)
    return chain
  } catch (error) {
    // Somebody else may have taken the free port meanwhile.
    const isTaken = node.exitCode !== null && options.port === undefined && attempts > 1
    await end(node, 'SIGKILL')
    if (isTaken) return await startTestChain(options, attempts - 1)
    throw error
  }
}

function describeChain(node: ChildProcess, rpcUrl: string, client: TestChain['client']): TestChain {
  const operator = devAccount(0)
  const rpc = <T>(method: string, params: readonly unknown[] = []) =>
    client.request({ method, params } as never) as Promise<T>
  const walletOf = (account: Account) =>
    createWalletClient({
      account,
      chain: client.chain,
      transport: http(rpcUrl, { retryCount: 0 }),
      pollingInterval: 10,
    })
  // The library's own wait follows new blocks, and can miss the one that a chain stands still at.
  async function untilMined(hash: Hash): Promise<TransactionReceipt> {
    const deadline = Date.now() + 20_000
    for (;;) {
      const receipt = await client.getTransactionReceipt({ hash }).catch(() => null)
      if (receipt) return receipt
      if (Date.now() > deadline) throw new Error(`transaction ${hash} was not mined within 20 s`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  const send: TestChain['send'] = async ({ account = operator, ...transaction }) => {
    const least = await client.estimateGas({ account, ...transaction } as never)
    // In the next second a call may cost more than in the one it was estimated in: a refund is whole only in that of the purchase.
    const gas = least + 50_000n
    const hash = await walletOf(account).sendTransaction({ gas, ...transaction } as never)
    const receipt = await untilMined(hash)
    if (receipt.status !== 'success') throw new Error(`transaction ${hash} has reverted`)
    return receipt
  }
  const chain: TestChain = {
    rpcUrl,
    chainId: client.chain.id,
    contracts: embeddedAddresses,
    operator,
    deployer: devAccount(DEPLOYER_INDEX),
    buyer(index) {
      if (index < 0 || index > 7) throw new RangeError(`expected a buyer from 0 to 7, got ${index}`)
      return devAccount(index + 1)
    },
    client,
    walletOf,
    async write({ address, abi, functionName, args, value = 0n, account = operator }) {
      // The simulation's error names the contract's own error, a receipt only says that it failed.
      await client.simulateContract({ address, abi, functionName, args, value, account } as never)
      const data = encodeFunctionData({ abi, functionName, args } as never)
      return await send({ to: address, data, value, account })
    },
    send,
    rpc,
    async mine(blocks = 1) {
      await rpc('anvil_mine', [`0x${blocks.toString(16)}`])
    },
    async increaseTime(seconds) {
      await rpc('evm_increaseTime', [seconds])
      await rpc('evm_mine')
    },
    async reorg(depth) {
      await rpc('anvil_reorg', [depth, []])
    },
    async setAutomine(isOn) {
      await rpc('evm_setAutomine', [isOn])
    },
    snapshot: () => rpc<Hex>('evm_snapshot'),
    async revert(snapshot) {
      if (!(await rpc<boolean>('evm_revert', [snapshot]))) throw new Error(`expected a snapshot, got ${snapshot}`)
    },
    async stop(signal = 'SIGTERM') {
      running.delete(chain)
      await end(node, signal)
    },
  }
  return chain
}

function spawnAnvil(port: number, { stateFile, chainId = foundry.id, flags = [] }: TestChainOptions): ChildProcess {
  const binary = createRequire(import.meta.url).resolve('@foundry-rs/anvil-linux-amd64/bin/anvil')
  const { mode } = statSync(binary)
  // Some installers drop the run bit.
  if (!(mode & 0o111)) chmodSync(binary, mode | 0o755)
  const state = stateFile ? ['--state', stateFile, '--state-interval', '1'] : []
  const at = ['--silent', '--host', '127.0.0.1', '--port', String(port), '--chain-id', String(chainId)]
  const node = spawn(binary, [...at, '--preserve-historical-states', ...state, ...flags], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const endWithUs = () => node.kill('SIGKILL')
  process.once('exit', endWithUs)
  node.once('exit', () => process.off('exit', endWithUs))
  return node
}

async function ready(node: ChildProcess, client: TestChain['client']): Promise<void> {
  const deadline = Date.now() + 20_000
  for (;;) {
    if (node.exitCode !== null || node.signalCode !== null) throw new Error('anvil has ended before it answered')
    try {
      await client.getChainId()
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(5)
    }
  }
}

async function end(node: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (node.exitCode !== null || node.signalCode !== null) return
  const ended = once(node, 'exit')
  node.kill(signal)
  const timer = setTimeout(() => node.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(timer)
}

/** A loopback port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('expected a port')
  return address.port
}
