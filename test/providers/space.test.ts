import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { spaceAbi } from '../../contracts/abi/space.ts'
import { Blocked } from '../../worker/errors.ts'
import type { Space } from '../../worker/providers/space/contract.ts'
import { contractSpaceId, GEO } from '../../worker/providers/space/grc20-space.ts'
import { space } from '../../worker/providers/space/index.ts'
import { cidOf } from '../../worker/providers/storage/cid.ts'
import { type BreakableChain, breakableChain } from '../pipelines/grc20-world.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { chosen, testDeps } from '../support/provider.ts'
import { startVendor, type Vendor } from '../support/vendor.ts'

const { signal } = new AbortController()
const SPACE_ID = '0eed5491b917cf58b33ac81255fe7ae9'
const REGISTRY = '0xB01683b2f0d38d43fcD4D9aAB980166988924132'

let test_: TestChain
let chain: BreakableChain
let geo: Vendor
beforeAll(async () => {
  test_ = await startTestChain()
  geo = await startVendor({
    'POST /ipfs/upload-edit': async (request) => {
      const file = (await request.form()).get('file')
      if (!(file instanceof File)) return { status: 400, json: { error: 'no file' } }
      const bytes = Buffer.from(await file.arrayBuffer())
      return { json: { cid: `ipfs://${cidOf(createHash('sha256').update(bytes).digest('hex'))}` } }
    },
  })
}, 60_000)
afterAll(async () => {
  await geo.close()
  await test_.stop()
})
beforeEach(() => {
  chain = breakableChain(test_)
  geo.requests.length = 0
})

const deps = () => ({ ...testDeps(), chains: () => ({ clips: chain, locks: chain }) })
const geoSettings = () => ({
  SPACE_PROVIDER: 'geo',
  SPACE_ID,
  GEO_API_URL: geo.url,
  GEO_CHAIN_ID: `${test_.chainId}`,
  GEO_SPACE_REGISTRY: REGISTRY,
})
const setups: Record<string, () => Space> = {
  embedded: () => chosen(space, {}, deps()),
  geo: () => chosen(space, geoSettings(), deps()),
}

let made = 0
function makeEdit(text = `edit ${made++}`) {
  const bytes = new Uint8Array(Buffer.from(`GRC2 ${text}`))
  return { bytes, cid: cidOf(createHash('sha256').update(bytes).digest('hex')), name: text }
}

for (const [name, open] of Object.entries(setups)) {
  test(`${name}: an edit is recorded in a confirmed transaction, once for its key`, async () => {
    const edit = makeEdit()
    const published = await open().publish(edit, { idempotencyKey: `${name} once`, signal })
    expect(published).toMatchObject({ chainId: test_.chainId, recordedAs: expect.stringContaining(edit.cid) })
    const receipt = await test_.client.getTransactionReceipt({ hash: published.transactionHash })
    expect(receipt).toMatchObject({ status: 'success', blockNumber: BigInt(published.blockNumber) })
    expect(await open().publish(edit, { idempotencyKey: `${name} once`, signal })).toEqual(published)
    expect(chain.sent).toHaveLength(1)
    expect(chain.sent[0].description).toContain(edit.name)
  })

  test(`${name}: a refusal and a broken connection come through, and nothing is recorded`, async () => {
    chain.faults = ['refuse', 'break before sending']
    const publish = () => open().publish(makeEdit(), { idempotencyKey: `${name} broken`, signal })
    await expect(publish()).rejects.toMatchObject({ kind: 'PROVIDER_REJECTED' })
    await expect(publish()).rejects.toThrow('the connection broke')
    expect(chain.sent).toEqual([])
  })

  test(`${name}: without a chain it says so before any work`, () => {
    const off = {
      ...testDeps(),
      chains: () => {
        throw new Blocked('no chain is configured: CHAIN_RPC_URL is off')
      },
    }
    const settings = name === 'geo' ? geoSettings() : {}
    expect(chosen(space, settings, off).unavailableReason).toContain('CHAIN_RPC_URL')
    expect(open().unavailableReason).toBeNull()
  })
}

test('embedded: the space contract emits the edit under the space of its own or the configured one', async () => {
  const logsOf = async (spaceId: string) =>
    (
      await test_.client.getContractEvents({
        address: test_.contracts.space,
        abi: spaceAbi,
        eventName: 'EditPublished',
        args: { spaceId: `0x${spaceId}` },
        fromBlock: 0n,
      })
    ).map(({ args }) => [args.cid, args.author])
  const own = contractSpaceId(test_.chainId, test_.contracts.space)
  expect(await setups.embedded().identify()).toEqual({ spaceId: own, authorId: own })
  const edit = makeEdit()
  await setups.embedded().publish(edit, { idempotencyKey: 'own space', signal })
  expect((await logsOf(own)).at(-1)).toEqual([edit.cid, test_.operator.address])

  const configured = chosen(
    space,
    { SPACE_ID: '0EED5491-b917-cf58-b33a-c81255fe7ae9', SPACE_AUTHOR_ID: 'ab'.repeat(16) },
    deps(),
  )
  expect(await configured.identify()).toEqual({ spaceId: SPACE_ID, authorId: 'ab'.repeat(16) })
  await configured.publish(edit, { idempotencyKey: 'configured space', signal })
  expect(await logsOf(SPACE_ID)).toEqual([[edit.cid, test_.operator.address]])
  // The contract itself keeps an edit from coming twice, whoever sends it.
  await configured.publish(edit, { idempotencyKey: 'another key', signal })
  expect(await logsOf(SPACE_ID)).toHaveLength(1)
})

test('geo: the edit goes to the service as one file, and its address into the registry as Geo’s own client enters it', async () => {
  const edit = makeEdit('captured')
  const published = await setups.geo().publish(edit, { idempotencyKey: 'geo captured', signal })
  expect(published.recordedAs).toBe('ipfs://bafkreiac2olfu2es3slru5wdwuelrq2vzuik3zidbqqjglyiqwsov5nttq')
  const [request] = geo.requests
  const file = (await request.form()).get('file') as File
  expect([request.path, file.type]).toEqual(['/ipfs/upload-edit', 'application/octet-stream'])
  expect(new Uint8Array(await file.arrayBuffer())).toEqual(edit.bytes)
  // Made by Geo's published client 0.10.1 for this space and this address.
  expect(chain.sent[0]).toMatchObject({
    to: REGISTRY,
    data: '0x4d9ad2b30eed5491b917cf58b33ac81255fe7ae9000000000000000000000000000000000eed5491b917cf58b33ac81255fe7ae9000000000000000000000000000000004fa19215d8045febfe0318814bb31d47009389b078ae12e4230ecef644adc65e000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000c0000000000000000000000000000000000000000000000000000000000000018000000000000000000000000000000000000000000000000000000000000000a000000000000000000000000000000000000000000000000000000000000000200000000000000000000000000000000000000000000000000000000000000042697066733a2f2f6261666b7265696163326f6c667532657333736c72753577647775656c727132767a75696b337a69646271716a676c79697177736f76356e7474710000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
  })
})

test('geo: an address that is none, or of other bytes, is refused before anything is sent; a tree of blocks is taken', async () => {
  const answer = (cid: unknown) => geo.inject('POST /ipfs/upload-edit', { json: { cid } })
  const publish = (key: string) => setups.geo().publish(makeEdit(), { idempotencyKey: key, signal })
  const other = makeEdit('something else').cid
  for (const cid of [
    `ipfs://${other}`,
    other,
    'ipfs://',
    'ipfs://nonsense',
    'https://a.example/b',
    '',
    7,
    null,
    undefined,
  ]) {
    answer(cid)
    await expect(publish('refused address'), String(cid)).rejects.toMatchObject({ kind: 'PROVIDER_REJECTED' })
  }
  expect(chain.sent).toEqual([])
  answer('ipfs://QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPbdG')
  expect((await publish('tree')).recordedAs).toBe('ipfs://QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPbdG')
})

test('geo: the upload is repeated through faults, and a service that stays away can be tried later', async () => {
  const route = 'POST /ipfs/upload-edit'
  geo.inject(route, { status: 500 }, { status: 429, headers: { 'retry-after': '0' } }, 'truncate')
  await setups.geo().publish(makeEdit(), { idempotencyKey: 'faults', signal })
  expect(geo.requests).toHaveLength(4)
  geo.inject(route, { status: 400, json: { error: 'no edit' } })
  await expect(setups.geo().publish(makeEdit(), { idempotencyKey: 'bad', signal })).rejects.toMatchObject({
    kind: 'PROVIDER_REJECTED',
  })
  geo.inject(route, ...Array(10).fill({ status: 503 }))
  await expect(setups.geo().publish(makeEdit(), { idempotencyKey: 'down', signal })).rejects.toMatchObject({
    kind: 'PROVIDER_UNAVAILABLE',
    retryable: true,
  })
})

test('geo: another chain than Geo’s is refused before anything is uploaded', async () => {
  const { GEO_CHAIN_ID: _, ...settings } = geoSettings()
  const wrong = chosen(space, settings, deps())
  await expect(wrong.publish(makeEdit(), { idempotencyKey: 'wrong chain', signal })).rejects.toThrow(
    `on chain ${GEO.chainId}, and CHAIN_RPC_URL leads to chain ${test_.chainId}`,
  )
  expect(geo.requests).toEqual([])
})

test('wrong settings are named without their values', () => {
  expect(space.choose({ SPACE_PROVIDER: 'geo' })).toMatchObject({
    ok: false,
    issues: [expect.stringContaining('SPACE_ID')],
  })
  const wrong = space.choose({ SPACE_PROVIDER: 'geo', SPACE_ID: 'x', GEO_SPACE_REGISTRY: '0x1' })
  expect(wrong).toMatchObject({
    ok: false,
    issues: [expect.stringMatching(/SPACE_ID.*UUID/), expect.stringContaining('GEO_SPACE_REGISTRY')],
  })
  expect(space.choose({ SPACE_PROVIDER: 'nobody' })).toMatchObject({ ok: false })
})
