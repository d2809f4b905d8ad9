import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { clip, clipHash, files, segment } from './catalog-calls.ts'
import { CONTRACTS, deployFresh } from './deployed.ts'

const SNAPSHOT = join(import.meta.dirname, 'gas.json')

test('every call takes the gas of the snapshot (WRITE_GAS=1 writes it anew)', async () => {
  const chain = await startTestChain()
  const gas = { ...(await deployments(chain)), ...(await catalogCalls(chain)), ...(await registryCalls(chain)) }
  if (process.env.WRITE_GAS === '1') await writeFile(SNAPSHOT, `${JSON.stringify(gas, null, 2)}\n`)
  expect(gas).toEqual(JSON.parse(await readFile(SNAPSHOT, 'utf8')))
})

async function deployments(chain: TestChain): Promise<Record<string, number>> {
  const gas: Record<string, number> = {}
  for (const [name, { bytecode }] of Object.entries(CONTRACTS)) {
    const { receipt } = await deployFresh(chain, bytecode, chain.operator.address)
    gas[`deploy ${name}`] = Number(receipt.gasUsed)
  }
  return gas
}

async function catalogCalls(chain: TestChain): Promise<Record<string, number>> {
  const catalog = { address: chain.contracts.catalog, abi: CONTRACTS.catalog.abi } as const
  const register = { ...catalog, functionName: 'registerClip', args: [clip] } as const
  const change = { ...register, args: [{ ...clip, metadataUri: 'ipfs://clip2' }] } as const
  const hundred = Array.from({ length: 100 }, (_, index) => ({ ...clip, spotifyTrackId: `track-${100 + index}` }))
  const registerAll = { ...catalog, functionName: 'registerClips', args: [hundred] } as const
  const process = { ...catalog, functionName: 'processClip', args: files } as const
  const encrypt = { ...catalog, functionName: 'encryptSegment', args: [segment, false] } as const
  const asSong = { ...catalog, functionName: 'encryptSegment', args: [segment, true] } as const
  const hide = { ...catalog, functionName: 'toggleClip', args: [clipHash, false] } as const
  return {
    'registerClip, new': await used(chain.write(register)),
    'registerClip, again': await used(chain.write(register)),
    'registerClip, changed': await used(chain.write(change)),
    'registerClips, a hundred new': await used(chain.write(registerAll)),
    'processClip, of a registered clip': await used(chain.write(process)),
    'processClip, again': await used(chain.write(process)),
    'encryptSegment, new': await used(chain.write(encrypt)),
    'encryptSegment, again': await used(chain.write(encrypt)),
    'encryptSegment, the older name afterwards': await used(chain.write(asSong)),
    'toggleClip, of a registered clip': await used(chain.write(hide)),
  }
}

async function registryCalls(chain: TestChain): Promise<Record<string, number>> {
  const { contracts, buyer } = chain
  const create = {
    address: contracts.accounts,
    abi: CONTRACTS.accounts.abi,
    functionName: 'createAccount',
    args: [buyer(0).address, 'the-singer-ks1', 'ipfs://account'],
  } as const
  const mint = {
    address: contracts.wallets,
    abi: CONTRACTS.wallets.abi,
    functionName: 'mint',
    args: [buyer(0).publicKey],
  } as const
  const publish = {
    address: contracts.space,
    abi: CONTRACTS.space.abi,
    functionName: 'publishEdit',
    args: [`0x${'ab'.repeat(16)}`, 'ipfs://bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'],
  } as const
  return {
    'createAccount, new': await used(chain.write(create)),
    'createAccount, again': await used(chain.write(create)),
    'mint, new': await used(chain.write(mint)),
    'mint, again': await used(chain.write(mint)),
    'publishEdit, new': await used(chain.write(publish)),
    'publishEdit, again': await used(chain.write(publish)),
  }
}

const used = async (sent: Promise<{ gasUsed: bigint }>) => Number((await sent).gasUsed)
