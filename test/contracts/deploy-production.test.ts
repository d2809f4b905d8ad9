import { execFile } from 'node:child_process'
import { join } from 'node:path'
import type { Address, Hex } from 'viem'
import { generatePrivateKey, privateKeyToAccount, privateKeyToAddress } from 'viem/accounts'
import { beforeAll, expect, test } from 'vitest'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import { spaceAbi } from '../../contracts/abi/space.ts'
import { type AddressVariable, deployProduction } from '../../contracts/deploy-production.ts'
import { freePort, startTestChain, type TestChain } from '../support/chain.ts'

const PROGRAM = join(import.meta.dirname, '../../contracts/deploy-production.ts')
const VARIABLES = ['CATALOG_ADDRESS', 'ACCOUNTS_ADDRESS', 'WALLETS_ADDRESS', 'SPACE_ADDRESS']

let chain: TestChain

beforeAll(async () => {
  // Not the development chain's id, and empty: as an outside chain is.
  chain = await startTestChain({ deploy: false, chainId: 84_532 })
})

async function fundedKey() {
  const key = generatePrivateKey()
  const owner = privateKeyToAddress(key)
  await chain.send({ to: owner, value: 10n ** 18n })
  return { key, owner }
}

async function deploy(
  key: Hex,
  {
    emitter,
    existing = {},
  }: { emitter?: Address; existing?: Readonly<Partial<Record<AddressVariable, Address>>> } = {},
): Promise<Record<string, Address>> {
  const account = privateKeyToAccount(key)
  const addresses: Record<string, Address> = {}
  await deployProduction({
    rpcUrl: chain.rpcUrl,
    account,
    emitter: emitter ?? account.address,
    existing,
    onDeployed: (variable, address) => {
      addresses[variable] = address
    },
  })
  return addresses
}

interface Ended {
  readonly code: number
  readonly output: string
  readonly error: string
  readonly addresses: Record<string, Address>
}

function run(options: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...options], { env: environment }, (failure, output, error) => {
      const addresses = Object.fromEntries(
        output
          .trim()
          .split('\n')
          .map((line) => line.split('=')),
      )
      resolve({ code: Number(failure?.code ?? 0), output, error, addresses })
    })
  })
}

const mayWrite = async (addresses: Record<string, Address>, who: Address) =>
  await Promise.all(
    VARIABLES.map((variable) => {
      const call = { address: addresses[variable], args: [who] } as const
      return variable === 'CATALOG_ADDRESS'
        ? chain.client.readContract({ ...call, abi: catalogAbi, functionName: 'isEmitter' })
        : chain.client.readContract({ ...call, abi: spaceAbi, functionName: 'isWriter' })
    }),
  )
const nonceOf = (address: Address) => chain.client.getTransactionCount({ address })
const ALL = [true, true, true, true]

test('it deploys our contracts to a chain, owns them, lets the account write, prints where they are, and keeps them', async () => {
  const { key, owner } = await fundedKey()
  const { code, output, error, addresses } = await run(['--rpc', chain.rpcUrl], { PRIVATE_KEY: key })
  expect([code, error]).toEqual([0, ''])
  expect(Object.keys(addresses)).toEqual(VARIABLES)
  expect(output).not.toContain(key.slice(2, 20))
  expect(await mayWrite(addresses, owner)).toEqual(ALL)
  for (const address of Object.values(addresses))
    expect(await chain.client.readContract({ address, abi: spaceAbi, functionName: 'owner' })).toBe(owner)
  expect(await nonceOf(owner)).toBe(4)
  const again = await run(['--rpc', chain.rpcUrl], { PRIVATE_KEY: key, ...addresses })
  expect(again.addresses).toEqual(addresses)
  expect(await nonceOf(owner)).toBe(4)
})

test('it keeps what is there, lets another emitter in, and deploys only what is missing', async () => {
  const { key, owner } = await fundedKey()
  const addresses = await deploy(key)
  expect(await deploy(key, { existing: addresses })).toEqual(addresses)
  expect(await nonceOf(owner)).toBe(4)

  const emitter = chain.buyer(0).address
  const { SPACE_ADDRESS, ...kept } = addresses
  const other = await deploy(key, { emitter, existing: kept })
  expect(other).toEqual({ ...addresses, SPACE_ADDRESS: expect.stringMatching(/^0x/) })
  expect(other.SPACE_ADDRESS).not.toBe(SPACE_ADDRESS)
  expect(await mayWrite(other, emitter)).toEqual(ALL)
  expect(await nonceOf(owner)).toBe(4 + 3 + 1)
})

test("it refuses another's contract, and an address without our contract", async () => {
  const { key, owner } = await fundedKey()
  const addresses = await deploy(key)
  const stranger = await fundedKey()
  const owned = `expected ${stranger.owner} to own the contract at CATALOG_ADDRESS=${addresses.CATALOG_ADDRESS}, its owner is ${owner}`
  await expect(deploy(stranger.key, { existing: addresses })).rejects.toThrow(owned)
  const none = /found none that answers isEmitter/
  await expect(deploy(key, { existing: { CATALOG_ADDRESS: stranger.owner } })).rejects.toThrow(none)
})

test('bad options and environment are named, the key never', async () => {
  const key = generatePrivateKey()
  const cases: [string[], Record<string, string>, RegExp][] = [
    [['--rpc', 'ftp://127.0.0.1', '--emitter', '0x12'], {}, /--rpc: expected an http.*\n--emitter: expected 0x/],
    [['--rpc', chain.rpcUrl], { PRIVATE_KEY: `${key}00` }, /PRIVATE_KEY: expected 0x and 64/],
    [
      ['--rpc', chain.rpcUrl],
      { SPACE_ADDRESS: 'there' },
      /PRIVATE_KEY: expected the key that deploys\nSPACE_ADDRESS: expected 0x and 40/,
    ],
    [['--to', chain.rpcUrl], { PRIVATE_KEY: key }, /Unknown option '--to'/],
  ]
  for (const [options, environment, message] of cases) {
    const { code, output, error } = await run(options, environment)
    expect([code, output]).toEqual([1, ''])
    expect(error).toMatch(message)
    expect(error).toContain('usage: ')
    expect(error).not.toContain(key.slice(2, 20))
  }
})

test('an account without funds and a node that is not there are told apart, without key or URL', async () => {
  const key = generatePrivateKey()
  const poor = await run(['--rpc', chain.rpcUrl], { PRIVATE_KEY: key })
  expect([poor.code, poor.output]).toEqual([1, ''])
  expect(poor.error).toMatch(/chain: .*(balance|funds)/i)
  const gone = await run(['--rpc', `http://127.0.0.1:${await freePort()}/token`], { PRIVATE_KEY: key })
  expect(gone.error).toBe('chain: the node does not answer\n')
  expect(poor.error + gone.error).not.toMatch(new RegExp(`${key.slice(2, 20)}|token`))
})
