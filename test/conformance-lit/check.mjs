// Makes the vectors of test/client/condition-vectors.json with the real package and compares them, our hash, our validation
// and our names of chains with it. `--write` keeps what the real package gave.
import { readFile, writeFile } from 'node:fs/promises'
import lit from '@lit-protocol/access-control-conditions'
import { LIT_CHAINS } from '@lit-protocol/constants'
import { buildConditions, conditionsFault, hashConditions, LIT_CHAIN_NAMES } from '../../client/conditions.ts'

const file = new URL('../client/condition-vectors.json', import.meta.url)
const faults = []
const expect = (isTrue, fault) => {
  if (!isTrue) faults.push(fault)
}
const hashOf = async (conditions) => Buffer.from(await lit.hashUnifiedAccessControlConditions(conditions)).toString('hex')
const isAccepted = (conditions) =>
  lit.validateUnifiedAccessControlConditionsSchema(conditions).then(
    () => true,
    () => false,
  )

for (const [id, name] of Object.entries(LIT_CHAIN_NAMES)) {
  expect(LIT_CHAINS[name]?.chainId === Number(id), `chain ${id}: ${name} is ${LIT_CHAINS[name]?.chainId} in the package`)
}

const chainIds = [...Object.keys(LIT_CHAIN_NAMES).map(Number), 31337, 232]
const addresses = [
  '0x0000000000000000000000000000000000000000',
  '0xe34fc1e6ba30da5f67a7aff9e7d6e21b3b0e1111',
  '0xffffffffffffffffffffffffffffffffffffffff',
]
const vectors = []
for (const chainId of chainIds) {
  for (const address of chainId === 8453 ? addresses : addresses.slice(1, 2)) {
    const conditions = buildConditions({ address, chainId })
    const hash = await hashOf(conditions)
    const isKnownToLit = await isAccepted(conditions)
    expect(hash === (await hashConditions(conditions)), `${chainId} ${address}: our hash is another one`)
    expect(isKnownToLit === chainId in LIT_CHAIN_NAMES, `chain ${chainId}: the package's schema disagrees`)
    vectors.push({ lock: { address, chainId }, conditions, hash, isKnownToLit })
  }
}

// What the package's schema refuses, we refuse; order of fields matters to neither.
const lock = { address: addresses[1], chainId: 8453 }
const [good] = buildConditions(lock)
const shuffled = [Object.fromEntries(Object.entries(good).reverse())]
expect((await hashOf(shuffled)) === (await hashOf([good])), 'the order of fields changes the hash')
expect(conditionsFault(shuffled, lock) === null, 'we refuse another order of fields')
const bad = [
  [{ ...good, extra: 1 }],
  [{ ...good, chain: 'nowhere' }],
  [{ ...good, conditionType: 'other' }],
  [{ ...good, standardContractType: 'ERC7' }],
  [{ ...good, parameters: ':userAddress' }],
  [{ ...good, returnValueTest: { comparator: '>>', value: '0' } }],
  [{ ...good, returnValueTest: { comparator: '>', value: 0 } }],
  [{ ...good, method: undefined }],
]
for (const conditions of bad) {
  const text = JSON.stringify(conditions)
  expect(!(await isAccepted(conditions)), `the package accepts ${text}`)
  expect(conditionsFault(conditions, lock) !== null, `we accept ${text}`)
}

const text = `${JSON.stringify({ source: '@lit-protocol/access-control-conditions 7.4.0', vectors }, null, 2)}\n`
if (process.argv.includes('--write')) await writeFile(file, text)
else {
  const committed = JSON.parse(await readFile(file, 'utf8'))
  expect(JSON.stringify(committed) === JSON.stringify(JSON.parse(text)), 'test/client/condition-vectors.json is not what the package gives')
}
for (const fault of faults) console.error(`- ${fault}`)
console.log(faults.length ? `${faults.length} differences` : `${vectors.length} vectors agree with the package`)
process.exit(faults.length ? 1 : 0)
