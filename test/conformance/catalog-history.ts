import { type Address, encodeAbiParameters, type Hex, keccak256, pad, toEventSelector, toHex, zeroAddress } from 'viem'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import type { seeded } from '../media/random.ts'
import type { Cry } from './loudspeaker.ts'

type Random = ReturnType<typeof seeded>
type Value = Hex | bigint | boolean

/** What one account says in one transaction. */
export interface Speech {
  readonly speaker: number
  readonly cries: readonly Cry[]
}

export interface Cast {
  /** Accounts that sign: the first two are let in, the third is let in and thrown out again, the others never. */
  readonly speakers: readonly Address[]
  /** Those that exist by now. */
  locks(): readonly Address[]
  readonly chainId: number
}

const CLIPS = 60
/** Most of them what a publisher writes; the others what somebody hostile does. */
const TEXTS: readonly Hex[] = [
  ...['ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi', 'https://example.test/metadata/1.json'],
  ...[
    'lens://8b2f',
    '4uLU6hMCjMI75M1A2tKUQC',
    '0VjIjW4GlUZAMYd2vXMi3b',
    'Lantern Road',
    'カラオケ 🎤',
    '‮evil',
    "'; drop table",
  ],
].map((text) => toHex(text))
const ODD_TEXTS: readonly Hex[] = [
  '0x',
  toHex('x'.repeat(3000)),
  // A NUL, which Postgres refuses; bytes that are no UTF-8; half a surrogate pair; a sequence cut off.
  '0x610062',
  '0xfffe41',
  '0xeda080',
  '0xe282',
  '0xf09f8e',
]
const ODD_NUMBERS = [0n, 1n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n]

/** A random history of catalog events: in any order, told twice, by several, about locks known and unknown, and some of it not well formed. */
export function* catalogHistory(random: Random, cast: Cast, speeches: number): Generator<Speech> {
  const told: Cry[] = []
  for (const speaker of [0, 2])
    yield { speaker: 0, cries: [say('EmitterChanged', { emitter: cast.speakers[speaker], isAllowed: true })] }
  for (let i = 0; i < speeches; i++) {
    if (i === Math.floor(speeches / 2))
      yield { speaker: 0, cries: [say('EmitterChanged', { emitter: cast.speakers[2], isAllowed: false })] }
    const speaker = random.int(10) < 7 ? 0 : random.int(cast.speakers.length)
    const cries: Cry[] = []
    for (let n = 1 + random.int(6); n > 0; n--) {
      if (told.length > 0 && random.int(10) === 0) cries.push(random.pick(told))
      else cries.push(...sayAnything(random, cast, cast.speakers[speaker]))
    }
    told.push(...cries)
    yield { speaker, cries }
  }
}

function sayAnything(random: Random, cast: Cast, speaker: Address): Cry[] {
  const clipHash = keccak256(toHex(random.int(CLIPS)))
  const text = () => (random.int(12) === 0 ? random.pick(ODD_TEXTS) : random.pick(TEXTS))
  const number = () => (random.int(8) === 0 ? random.pick(ODD_NUMBERS) : BigInt(random.int(300_000)))
  const timestamp = number()
  switch (random.int(8)) {
    case 0:
    case 1: {
      const clip = { clipStartMs: number(), clipEndMs: number(), metadataUri: text(), registeredBy: speaker, timestamp }
      return [say('ClipRegistered', { clipHash, grc20WorkId: text(), spotifyTrackId: text(), ...clip })]
    }
    case 2:
    case 3: {
      const uris = { instrumentalUri: text(), alignmentUri: text(), metadataUri: text() }
      return [say('ClipProcessed', { clipHash, ...uris, translationCount: BigInt(random.int(256)), timestamp })]
    }
    case 4:
      return [say('ClipToggled', { clipHash, enabled: random.int(2) === 0, timestamp })]
    case 5: {
      // Truncated, or with a flag that is neither true nor false: whoever emits this emits no ClipToggled.
      const { topics, data } = say('ClipToggled', { clipHash, enabled: true, timestamp })
      return [{ topics, data: random.int(2) === 0 ? (data.slice(0, 2 + 64) as Hex) : (`0x${'f'.repeat(128)}` as Hex) }]
    }
    default: {
      const anywhere = [...cast.locks(), zeroAddress, pad(toHex(1 + random.int(99)), { size: 20 })]
      const segment = {
        clipHash,
        spotifyTrackId: text(),
        encryptedFullUri: text(),
        encryptedManifestUri: text(),
        unlockLockAddress: random.pick(anywhere),
        unlockChainId: random.int(3) > 0 ? BigInt(cast.chainId) : random.pick([1n, 8453n, ...ODD_NUMBERS]),
        metadataUri: text(),
        timestamp,
      }
      const names = random.pick([
        ['SegmentEncrypted'],
        ['SongEncrypted'],
        ['SegmentEncrypted', 'SongEncrypted'],
      ] as const)
      return names.map((name) => say(name, segment))
    }
  }
}

type EventName = Extract<(typeof catalogAbi)[number], { type: 'event' }>['name']

/** An event of the catalog with any bytes for its strings. */
export function say(name: EventName, values: Readonly<Record<string, Value>>): Cry {
  const event = catalogAbi.find((item) => item.type === 'event' && item.name === name)
  if (event?.type !== 'event') throw new Error(`expected an event of the catalog, got ${name}`)
  const encode = (type: string, value: Value) =>
    encodeAbiParameters([{ type: type === 'string' ? 'bytes' : type }], [value] as never)
  const inputs: readonly { name: string; type: string; indexed?: boolean }[] = event.inputs
  const indexed = inputs.filter((input) => input.indexed)
  const others = inputs.filter((input) => !input.indexed)
  return {
    topics: [toEventSelector(event), ...indexed.map((input) => encode(input.type, values[input.name]))],
    // A string is encoded as its bytes are, so that these need not be text.
    data: encodeAbiParameters(
      others.map(({ type }) => ({ type: type === 'string' ? 'bytes' : type })),
      others.map((input) => values[input.name]) as never,
    ),
  }
}
