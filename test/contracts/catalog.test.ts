import { encodePacked, type Hex, keccak256, zeroAddress, zeroHash } from 'viem'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { catalogAbi as abi, catalogBytecode } from '../../contracts/abi/catalog.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { catalogCalls, clip, clipHash, files, segment } from './catalog-calls.ts'
import { deployFresh, eventsOf, revertOf } from './deployed.ts'

let chain: TestChain
let catalog: ReturnType<typeof catalogCalls>

beforeAll(async () => {
  chain = await startTestChain()
})

beforeEach(async () => {
  const { address } = await deployFresh(chain, catalogBytecode, chain.operator.address)
  catalog = catalogCalls(chain, address)
})

const at = <N extends string>(functionName: N) => ({ address: catalog.address, abi, functionName })
const stateOf = (hash: Hex) => chain.client.readContract({ ...at('stateOf'), args: [hash] })
const stranger = () => chain.buyer(0)
const registered = (changes: Partial<typeof clip & { clipHash: Hex }> = {}) => [
  'ClipRegistered',
  { clipHash, ...clip, ...changes, registeredBy: chain.operator.address, timestamp: 'now' },
]

describe('every call that emits', () => {
  describe('when the sender is not an emitter', () => {
    test('it reverts with the sender', async () => {
      const by = stranger()
      const notEmitter = ['Catalog_NotEmitter', by.address]
      for (const call of [
        () => catalog.register({}, by),
        () => catalog.registerAll([clip], by),
        () => catalog.registerAll([], by),
        () => catalog.process({}, by),
        () => catalog.encrypt({}, true, by),
        () => catalog.toggle(clipHash, false, by),
      ])
        expect(await revertOf(call())).toEqual(notEmitter)
    })
  })
})

describe('every call that names a clip', () => {
  describe('when the clip hash is zero', () => {
    test('it reverts', async () => {
      for (const call of [
        () => catalog.process({ hash: zeroHash }),
        () => catalog.encrypt({ clipHash: zeroHash }),
        () => catalog.toggle(zeroHash, false),
      ])
        expect(await revertOf(call())).toEqual(['Catalog_ZeroClipHash'])
    })
  })
})

describe('registerClip', () => {
  describe('when the track has no id', () => {
    test('it reverts with the field', async () => {
      expect(await revertOf(catalog.register({ spotifyTrackId: '' }))).toEqual(['Catalog_EmptyField', 'spotifyTrackId'])
    })
  })
  describe('when the clip ends before or where it begins', () => {
    test('it reverts with both times', async () => {
      expect(await revertOf(catalog.register({ clipEndMs: 45_000 }))).toEqual(['Catalog_EmptyClip', 45_000, 45_000])
      expect(await revertOf(catalog.register({ clipEndMs: 0 }))).toEqual(['Catalog_EmptyClip', 45_000, 0])
    })
  })
  describe('when the clip is whole', () => {
    test('it emits every field, the sender and the time', async () => {
      expect(await catalog.register()).toEqual([registered()])
    })
    test('it returns the hash of the track id and the start, packed', async () => {
      const call = { ...at('registerClip'), args: [clip], account: chain.operator } as const
      expect((await chain.client.simulateContract(call)).result).toBe(clipHash)
      await catalog.register()
      expect((await chain.client.simulateContract(call)).result).toBe(clipHash)
    })
    test('it emits nothing for the same content again, whoever sends it', async () => {
      await catalog.register()
      await catalog.setEmitter(stranger().address, true)
      expect(await catalog.register()).toEqual([])
      expect(await catalog.register({}, stranger())).toEqual([])
    })
    test('it emits changed content again, and the first content after that too', async () => {
      await catalog.register()
      expect(await catalog.register({ clipEndMs: 90_000 })).toEqual([registered({ clipEndMs: 90_000 })])
      expect(await catalog.register({ clipEndMs: 90_000 })).toEqual([])
      expect(await catalog.register()).toEqual([registered()])
    })
    test('it knows clips of one track by their start', async () => {
      await catalog.register()
      const [[, other]] = (await catalog.register({ clipStartMs: 0 })) as [[string, { clipHash: Hex }]]
      expect(other.clipHash).not.toBe(clipHash)
      expect(await catalog.register()).toEqual([])
    })
    test('it carries long and empty text as it came', async () => {
      const odd = { grc20WorkId: '', metadataUri: `ipfs://${'é♫😀'.repeat(1_000)}` }
      expect(await catalog.register(odd)).toEqual([registered(odd)])
    })
  })
})

describe('registerClips', () => {
  const other = { ...clip, clipStartMs: 0, clipEndMs: 4_294_967_295 }
  const otherHash = keccak256(encodePacked(['string', 'uint32'], [clip.spotifyTrackId, 0]))
  describe('when one of the clips is not whole', () => {
    test('it reverts, and none is registered', async () => {
      const call = catalog.registerAll([clip, { ...other, spotifyTrackId: '' }])
      expect(await revertOf(call)).toEqual(['Catalog_EmptyField', 'spotifyTrackId'])
      expect(await stateOf(clipHash)).toEqual([false, false, false, true])
    })
  })
  describe('when all clips are whole', () => {
    test('it emits each clip that is new, in order, and returns all hashes', async () => {
      await catalog.register()
      const call = { ...at('registerClips'), args: [[clip, other, other]], account: chain.operator } as const
      expect((await chain.client.simulateContract(call)).result).toEqual([clipHash, otherHash, otherHash])
      expect(await catalog.registerAll([clip, other, other])).toEqual([registered({ ...other, clipHash: otherHash })])
      const third = { ...clip, spotifyTrackId: 'third' }
      const mixed = await catalog.registerAll([{ ...clip, metadataUri: 'ipfs://new' }, third])
      expect(mixed.map(([, args]) => (args as typeof clip).metadataUri)).toEqual(['ipfs://new', 'ipfs://clip'])
    })
    test('it does nothing for an empty list', async () => {
      expect(await catalog.registerAll([])).toEqual([])
    })
  })
})

describe('processClip', () => {
  describe('when there is no audio', () => {
    test('it reverts with the field', async () => {
      expect(await revertOf(catalog.process({ audio: '' }))).toEqual(['Catalog_EmptyField', 'instrumentalUri'])
    })
  })
  describe('when there is audio', () => {
    const processed = (translationCount: number) => [
      'ClipProcessed',
      {
        clipHash,
        instrumentalUri: files[1],
        alignmentUri: files[2],
        translationCount,
        metadataUri: files[4],
        timestamp: 'now',
      },
    ]
    test('it emits every field and the time, also before the clip is registered', async () => {
      expect(await catalog.process()).toEqual([processed(3)])
    })
    test('it emits nothing for the same content again', async () => {
      await catalog.process()
      await catalog.register()
      expect(await catalog.process()).toEqual([])
    })
    test('it emits changed content again', async () => {
      await catalog.process()
      expect(await catalog.process({ count: 255 })).toEqual([processed(255)])
      expect(await catalog.process()).toEqual([processed(3)])
    })
  })
})

describe('encryptSegment', () => {
  describe('when a field that says where or of what is empty', () => {
    test('it reverts with the field', async () => {
      for (const field of ['spotifyTrackId', 'encryptedFullUri', 'encryptedManifestUri'])
        expect(await revertOf(catalog.encrypt({ [field]: '' }))).toEqual(['Catalog_EmptyField', field])
    })
  })
  describe('when the lock is zero', () => {
    test('it reverts', async () => {
      expect(await revertOf(catalog.encrypt({ unlockLockAddress: zeroAddress }))).toEqual(['Catalog_ZeroLock'])
    })
  })
  describe('when the chain id is zero', () => {
    test('it reverts', async () => {
      expect(await revertOf(catalog.encrypt({ unlockChainId: 0 }))).toEqual(['Catalog_ZeroChainId'])
    })
  })
  describe('when the segment is whole', () => {
    const encrypted = (event: string, changes = {}) => [event, { ...segment, ...changes, timestamp: 'now' }]
    test('it emits the segment once for its content', async () => {
      expect(await catalog.encrypt()).toEqual([encrypted('SegmentEncrypted')])
      expect(await catalog.encrypt()).toEqual([])
    })
    test('it emits the older name beside it when asked', async () => {
      expect(await catalog.encrypt({}, true)).toEqual([encrypted('SegmentEncrypted'), encrypted('SongEncrypted')])
      expect(await catalog.encrypt({}, true)).toEqual([])
    })
    test('it emits only the older name when the segment was emitted before', async () => {
      await catalog.encrypt()
      expect(await catalog.encrypt({}, true)).toEqual([encrypted('SongEncrypted')])
      expect(await catalog.encrypt()).toEqual([])
    })
    test('it emits both again when the content has changed', async () => {
      await catalog.encrypt({}, true)
      const change = { encryptedManifestUri: 'ipfs://again' }
      expect(await catalog.encrypt(change, true)).toEqual([
        encrypted('SegmentEncrypted', change),
        encrypted('SongEncrypted', change),
      ])
      expect(await catalog.encrypt(change, true)).toEqual([])
    })
  })
})

describe('toggleClip', () => {
  test('it emits nothing for showing what is shown', async () => {
    expect(await catalog.toggle(clipHash, true)).toEqual([])
  })
  test('it emits each change once', async () => {
    const toggled = (enabled: boolean) => ['ClipToggled', { clipHash, enabled, timestamp: 'now' }]
    expect(await catalog.toggle(clipHash, false)).toEqual([toggled(false)])
    expect(await catalog.toggle(clipHash, false)).toEqual([])
    expect(await catalog.toggle(clipHash, true)).toEqual([toggled(true)])
    expect(await catalog.toggle(clipHash, true)).toEqual([])
  })
})

describe('stateOf', () => {
  test('it knows nothing of a clip that nobody spoke of', async () => {
    expect(await stateOf(clipHash)).toEqual([false, false, false, true])
  })
  test('it says what was announced, each on its own', async () => {
    await catalog.encrypt()
    expect(await stateOf(clipHash)).toEqual([false, false, true, true])
    await catalog.toggle(clipHash, false)
    await catalog.process()
    expect(await stateOf(clipHash)).toEqual([false, true, true, false])
    await catalog.register()
    expect(await stateOf(clipHash)).toEqual([true, true, true, false])
  })
})

describe('clipHashOf', () => {
  test('it is the hash of the track id and the start, packed', async () => {
    const hashOf = (trackId: string, startMs: number) =>
      chain.client.readContract({ ...at('clipHashOf'), args: [trackId, startMs] })
    expect(await hashOf(clip.spotifyTrackId, clip.clipStartMs)).toBe(clipHash)
    expect(await hashOf('', 0)).toBe(keccak256('0x00000000'))
  })
})

describe('setEmitter', () => {
  describe('when the sender is not the owner', () => {
    test('it reverts with the sender, even for an emitter', async () => {
      const call = catalog.setEmitter(stranger().address, true, chain.operator)
      expect(await revertOf(call)).toEqual(['Owned_NotOwner', chain.operator.address])
    })
  })
  describe('when the emitter is zero', () => {
    test('it reverts', async () => {
      expect(await revertOf(catalog.setEmitter(zeroAddress, true))).toEqual(['Catalog_ZeroEmitter'])
    })
  })
  describe('when the sender is the owner', () => {
    test('it emits each change once', async () => {
      const emitter = stranger().address
      expect(await catalog.setEmitter(emitter, true)).toEqual([['EmitterChanged', { emitter, isAllowed: true }]])
      expect(await catalog.setEmitter(emitter, true)).toEqual([])
      expect(await catalog.setEmitter(emitter, false)).toEqual([['EmitterChanged', { emitter, isAllowed: false }]])
      expect(await catalog.setEmitter(emitter, false)).toEqual([])
    })
    test('it lets an emitter in and shuts it out', async () => {
      await catalog.setEmitter(stranger().address, true)
      expect(await catalog.register({}, stranger())).toHaveLength(1)
      await catalog.setEmitter(stranger().address, false)
      expect(await revertOf(catalog.register({ clipStartMs: 0 }, stranger()))).toEqual([
        'Catalog_NotEmitter',
        stranger().address,
      ])
      expect(await catalog.register({ clipStartMs: 1 })).toHaveLength(1)
    })
    test('it has let in the first emitter at creation, or nobody for zero', async () => {
      const emitter = chain.operator.address
      const first = await deployFresh(chain, catalogBytecode, emitter)
      expect(await eventsOf(chain, abi, first.receipt)).toContainEqual(['EmitterChanged', { emitter, isAllowed: true }])
      expect(await chain.client.readContract({ ...at('isEmitter'), args: [emitter] })).toBe(true)
      const nobody = await deployFresh(chain, catalogBytecode)
      expect((await eventsOf(chain, abi, nobody.receipt)).map(([event]) => event)).toEqual(['OwnershipTransferred'])
    })
  })
})
