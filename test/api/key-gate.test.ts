import { type Address, type Hex, hashMessage, pad } from 'viem'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Wallet } from '../../client/ask-key.ts'
import { buildConditions, hashConditions, type Lock } from '../../client/conditions.ts'
import { unlockSong } from '../../client/unlock-song.ts'
import { publicLockAbi } from '../../contracts/unlock.ts'
import { collect } from '../client/random-bytes.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import {
  buyKey,
  createLock,
  type GateServer,
  KEY_SECONDS,
  type PublishedSong,
  startGateServer,
  tokenOf,
  walletOf,
} from './key-gate-server.ts'

let chain: TestChain
let gate: GateServer
let lock: Lock
let otherLock: Lock
let published: PublishedSong
let start: Hex
const holder = () => chain.buyer(0)
const stranger = () => chain.buyer(1)
const otherHolder = () => chain.buyer(2)

beforeAll(async () => {
  chain = await startTestChain()
  gate = await startGateServer({ locks: { id: async () => chain.chainId, reader: chain.client } })
  lock = await createLock(chain, 'The artist')
  otherLock = await createLock(chain, 'Another artist')
  await buyKey(chain, lock, holder())
  await buyKey(chain, otherLock, otherHolder())
  published = await gate.publish(lock)
  start = await chain.snapshot()
})
afterAll(() => gate.close())
beforeEach(async () => {
  await chain.revert(start)
  start = await chain.snapshot()
  gate.restart()
})

const unlock = (wallet: Wallet, song = published) => unlockSong({ manifestUrl: song.manifestUrl, wallet, lock })
const refused = (reason: string) => ({ name: 'UnlockError', code: 'REFUSED', reason })
const lastRelease = async () => (await gate.releases()).at(-1)

test('a holder decrypts the song, byte by byte, and every range of it', async () => {
  const song = await unlock(walletOf(holder()))
  expect(song.contentType).toBe('audio/flac')
  expect(await collect(song.stream())).toEqual(published.song)
  expect(await collect(song.range(65_000, 140_000))).toEqual(published.song.slice(65_000, 140_000))
  expect(await lastRelease()).toEqual({
    keyId: published.manifest.encryption.keyId,
    address: holder().address.toLowerCase(),
    decision: 'granted',
    reason: 'HOLDS_KEY',
    blockNumber: Number(await chain.client.getBlockNumber()),
  })
})

test('a stranger gets no key, and it is written down', async () => {
  await expect(unlock(walletOf(stranger()))).rejects.toMatchObject(refused('NO_KEY'))
  expect(await lastRelease()).toMatchObject({
    address: stranger().address.toLowerCase(),
    decision: 'denied',
    reason: 'NO_KEY',
    blockNumber: Number(await chain.client.getBlockNumber()),
  })
})

test('a holder whose key has expired gets none', async () => {
  await chain.increaseTime(KEY_SECONDS - 3_600)
  await unlock(walletOf(holder()))
  await chain.increaseTime(7_200)
  await expect(unlock(walletOf(holder()))).rejects.toMatchObject(refused('NO_KEY'))
})

test('a holder who has canceled gets none', async () => {
  await unlock(walletOf(holder()))
  await chain.write({
    address: lock.address as Address,
    abi: publicLockAbi,
    functionName: 'cancelAndRefund',
    args: [await tokenOf(chain, lock, holder())],
    account: holder(),
  })
  await expect(unlock(walletOf(holder()))).rejects.toMatchObject(refused('NO_KEY'))
})

test('who buys a key opens at once; who passes it on opens no more, and the other does', async () => {
  await expect(unlock(walletOf(stranger()))).rejects.toMatchObject(refused('NO_KEY'))
  const token = await buyKey(chain, lock, stranger())
  await unlock(walletOf(stranger()))
  await chain.write({
    address: lock.address as Address,
    abi: publicLockAbi,
    functionName: 'transferFrom',
    args: [stranger().address, chain.buyer(5).address, token],
    account: stranger(),
  })
  await expect(unlock(walletOf(stranger()))).rejects.toMatchObject(refused('NO_KEY'))
  await unlock(walletOf(chain.buyer(5)))
})

test("a holder of another artist's lock gets none", async () => {
  await expect(unlock(walletOf(otherHolder()))).rejects.toMatchObject(refused('NO_KEY'))
  const theirs = await gate.publish(otherLock)
  await expect(unlockSong({ manifestUrl: theirs.manifestUrl, wallet: walletOf(otherHolder()) })).resolves.toBeTruthy()
  await expect(unlockSong({ manifestUrl: theirs.manifestUrl, wallet: walletOf(holder()) })).rejects.toMatchObject(
    refused('NO_KEY'),
  )
})

test('a contract wallet that holds a key opens when it vouches for the signature, and only then', async () => {
  // Answers isValidSignature with EIP-1271's magic value when its first storage slot is the hash, else with zeros.
  const wallet = '0x00000000000000000000000000000000000c0de1' as Address
  const code =
    '0x600435600054146014576000600052602060 00f35b7f1626ba7e0000000000000000000000000000000000000000000000000000000060005260206000f3'
  await chain.rpc('anvil_setCode', [wallet, code.replace(' ', '')])
  await buyKey(chain, lock, chain.buyer(6), wallet)
  const account = { address: wallet, signMessage: async () => '0x1234' }
  const request = await gate.asking(published, account)
  await chain.rpc('anvil_setStorageAt', [wallet, pad('0x0'), hashMessage(request.message)])
  expect(await gate.release(request)).toMatchObject({ status: 200 })
  expect(await gate.release(await gate.asking(published, account))).toEqual({ status: 401, code: 'BAD_SIGNATURE' })
  await chain.rpc('anvil_setCode', [wallet, '0x60006000fd'])
  expect(await gate.release(await gate.asking(published, account))).toEqual({ status: 401, code: 'BAD_SIGNATURE' })
})

test('what manifests and requests say about conditions does not matter: those sealed with the key decide', async () => {
  // A whole forgery: manifest, header and file for another lock, under the id of a real key.
  const mine = await createLock(chain, 'The attacker')
  await buyKey(chain, mine, stranger())
  const conditions = buildConditions(mine)
  const forged = {
    ...published.manifest,
    lock: mine,
    accessControlConditions: conditions,
    conditionsHash: await hashConditions(conditions),
  }
  gate.songs.set('forged.json', Buffer.from(JSON.stringify(forged)))
  await expect(
    unlockSong({ manifestUrl: `${gate.url}/songs/forged.json`, wallet: walletOf(stranger()) }),
  ).rejects.toMatchObject({ code: 'MANIFEST_CHANGED' })
  expect(await gate.release(await gate.asking(published, stranger()))).toEqual({ status: 403, code: 'NO_KEY' })
})

test('a tampered file does not open for the holder either', async () => {
  const song = await gate.publish(lock)
  const name = `${song.manifest.encryption.keyId}.enc`
  const file = gate.songs.get(name) ?? new Uint8Array()
  const sealed = 65_552
  const chunk = (i: number) => file.subarray(116 + i * sealed, 116 + (i + 1) * sealed)
  const flipped = Uint8Array.from(file)
  flipped[116 + sealed + 77] ^= 4
  const tampered = {
    flipped,
    swapped: Buffer.concat([file.subarray(0, 116), chunk(1), chunk(0), chunk(2), chunk(3)]),
    truncated: file.subarray(0, 116 + 2 * sealed),
    extended: Buffer.concat([file, chunk(1)]),
    'of another song': gate.songs.get(`${published.manifest.encryption.keyId}.enc`) ?? new Uint8Array(),
  }
  for (const [what, bytes] of Object.entries(tampered)) {
    gate.songs.set(name, bytes)
    const opened = await unlock(walletOf(holder()), song)
    await expect(collect(opened.stream()), what).rejects.toMatchObject({ code: 'CIPHERTEXT_CHANGED' })
  }
})
