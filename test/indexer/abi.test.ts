import { type AbiParameter, decodeAbiParameters, encodeAbiParameters, type Hex, toHex } from 'viem'
import { expect, test } from 'vitest'
import { AbiMismatch, type AbiValue, decodeAbi, encodeAbi, fitsType } from '../../indexer/wasm/abi.ts'
import { abiType, canonicalType } from '../../indexer/wasm/abi-types.ts'
import { add, divide, formatDecimal, multiply, normalize, parseDecimal } from '../../indexer/wasm/decimal.ts'
import { MappingFailed } from '../../indexer/wasm/failure.ts'
import { fromLittleEndian, toLittleEndian } from '../../indexer/wasm/integers.ts'
import { exportGlobals } from '../../indexer/wasm/patch.ts'
import { type Random, seeded } from './random.ts'

const LEAVES = [
  'address',
  'bool',
  'string',
  'bytes',
  'bytes1',
  'bytes20',
  'bytes32',
  'uint8',
  'uint256',
  'int8',
  'int256',
]

function randomParameter(random: Random, depth = 0): AbiParameter {
  if (depth < 3 && random.chance(0.25)) {
    const inner = randomParameter(random, depth + 1)
    return { ...inner, type: `${inner.type}[${random.chance(0.5) ? '' : random.whole(1, 3)}]` }
  }
  if (depth < 3 && random.chance(0.2)) {
    const components = Array.from({ length: random.whole(1, 3) }, () => randomParameter(random, depth + 1))
    return { type: 'tuple', components } as AbiParameter
  }
  return { type: random.pick(LEAVES) }
}

/** As viem takes it: tuples without names are lists. */
function randomValue(random: Random, parameter: AbiParameter): unknown {
  const list = /^(.*)\[(\d*)\]$/.exec(parameter.type)
  if (list) {
    const length = list[2] === '' ? random.whole(0, 3) : Number(list[2])
    return Array.from({ length }, () => randomValue(random, { ...parameter, type: list[1] }))
  }
  if (parameter.type === 'tuple') {
    return (parameter as unknown as { components: AbiParameter[] }).components.map((component) =>
      randomValue(random, component),
    )
  }
  if (parameter.type === 'bool') return random.chance(0.5)
  if (parameter.type === 'string') return random.pick(['', 'short', 'naïve 🎤', 'x'.repeat(random.whole(30, 70))])
  if (parameter.type === 'address') return toHex(random.bytes(20))
  const size = Number(/\d+$/.exec(parameter.type)?.[0] ?? 0)
  if (parameter.type.startsWith('bytes')) return toHex(random.bytes(size || random.whole(0, 70)))
  const value = BigInt(toHex(random.bytes(size / 8)))
  return parameter.type.startsWith('u') ? value : BigInt.asIntN(size, value)
}

/** What both decoders mean, in one form. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'number') return BigInt(value)
  if (typeof value === 'object' && value !== null) {
    const known = value as AbiValue
    if ('items' in known) return known.items.map(plain)
    if ('bytes' in known) return toHex(known.bytes)
    if ('value' in known) return known.value
    if ('text' in known) return known.text
    if ('isTrue' in known) return known.isTrue
    return Object.values(value).map(plain)
  }
  return typeof value === 'string' && /^0x[0-9a-fA-F]{40}$/.test(value) ? value.toLowerCase() : value
}

test('values of random types are decoded and encoded as viem does it', () => {
  const random = seeded(7)
  for (let round = 0; round < 400; round++) {
    const parameters = Array.from({ length: random.whole(1, 4) }, () => randomParameter(random))
    const values = parameters.map((parameter) => randomValue(random, parameter))
    const data = encodeAbiParameters(parameters, values as never)
    const types = parameters.map((parameter) => abiType(parameter))
    const decoded = decodeAbi(types, Buffer.from(data.slice(2), 'hex'))
    const context = JSON.stringify(parameters)
    expect(decoded.map(plain), context).toEqual(plain(decodeAbiParameters(parameters, data === '0x' ? '0x' : data)))
    expect(toHex(encodeAbi(decoded)), context).toBe(data)
    expect(decoded.every((value, index) => fitsType(value, types[index]))).toBe(true)
    for (const parameter of parameters) {
      if (parameter.type.startsWith('tuple'))
        expect(abiType({ type: canonicalType(parameter) })).toEqual(abiType(parameter))
    }
  }
})

test('data that is cut, or whose offsets lead outside, is not decoded', () => {
  const types = [abiType({ type: 'string' }), abiType({ type: 'uint256[]' })]
  const data = Buffer.from(
    encodeAbiParameters([{ type: 'string' }, { type: 'uint256[]' }], ['hello', [1n, 2n]]).slice(2),
    'hex',
  )
  for (let length = 0; length < data.length - 27; length += 8) {
    expect(() => decodeAbi(types, data.subarray(0, length)), String(length)).toThrow(AbiMismatch)
  }
  const astray = Buffer.from(data)
  astray.writeUInt32BE(0xffff_ffff, 28)
  expect(() => decodeAbi(types, astray)).toThrow(AbiMismatch)
})

test('data that unfolds without end is not decoded', () => {
  // Read as an offset, every word leads to the next; read as a length, it is a list of 32.
  const deep = abiType({ type: 'uint256[][][][]' })
  const words = Array.from({ length: 1_002 }, (_none, index) => (index === 1 ? 1_000n : 32n))
  const data = Buffer.from(words.map((word) => word.toString(16).padStart(64, '0')).join(''), 'hex')
  expect(() => decodeAbi([deep], data)).toThrow(AbiMismatch)
})

test('a string that is no UTF-8 is decoded with replacement characters', () => {
  const data = `0x${'20'.padStart(64, '0')}${'02'.padStart(64, '0')}ff41${'00'.repeat(30)}` as Hex
  expect(decodeAbi([abiType({ type: 'string' })], Buffer.from(data.slice(2), 'hex')).map(plain)).toEqual(['\ufffdA'])
})

test.each(['uint7', 'uint264', 'bytes33', 'nonsense', '(uint256', 'uint256]'])('%s is no type', (type) => {
  expect(() => abiType({ type })).toThrow('no Solidity type')
})

test('integers survive their way through bytes, in as few as they need', () => {
  const random = seeded(11)
  for (let round = 0; round < 2_000; round++) {
    const edge = 1n << BigInt(random.whole(0, 300))
    const value =
      (random.chance(0.5) ? edge : BigInt(toHex(random.bytes(random.whole(1, 40))))) + BigInt(random.whole(-1, 1))
    for (const signed of [value, -value]) {
      const bytes = Buffer.from(toLittleEndian(signed))
      expect(fromLittleEndian(bytes)).toBe(signed)
      const shorter = bytes.subarray(0, -1)
      if (shorter.length > 0) expect(fromLittleEndian(Buffer.from(shorter))).not.toBe(signed)
    }
  }
  expect(() => toLittleEndian(1n << 435_412n)).toThrow(MappingFailed)
})

test('decimals keep 34 digits: random ones agree with arithmetic on fractions', () => {
  const random = seeded(13)
  const number = () => parseDecimal(`${BigInt(toHex(random.bytes(random.whole(1, 12))))}e${random.whole(-20, 20)}`)
  for (let round = 0; round < 1_000; round++) {
    const [left, right] = [number(), number()]
    const scale = 10n ** 200n
    const exact = (value: { digits: bigint; exponent: number }) =>
      value.exponent >= 0
        ? value.digits * 10n ** BigInt(value.exponent) * scale
        : (value.digits * scale) / 10n ** BigInt(-value.exponent)
    const isClose = (result: { digits: bigint; exponent: number }, expected: bigint) => {
      const difference = exact(result) - expected
      const tolerance = expected / 10n ** 33n + 1n
      return difference <= tolerance && difference >= -tolerance
    }
    expect(isClose(add(left, right), exact(left) + exact(right))).toBe(true)
    expect(isClose(multiply(left, right), (exact(left) * exact(right)) / scale)).toBe(true)
    if (right.digits !== 0n) expect(isClose(divide(left, right), (exact(left) * scale) / exact(right))).toBe(true)
    expect(parseDecimal(formatDecimal(left))).toEqual(left)
    expect(left.digits.toString().length).toBeLessThanOrEqual(34)
    expect(normalize(left.digits, left.exponent)).toEqual(left)
  }
})

test('what is no module that can be reset is left alone', () => {
  expect(exportGlobals(Buffer.from('not a module'))).toBe(null)
  expect(exportGlobals(Buffer.from('0061736d01000000', 'hex'))).toBe(null)
})
