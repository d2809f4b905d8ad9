import { decodeAbiParameters, encodeAbiParameters, getAddress, type Hex, keccak256, parseAbiParameters } from 'viem'
import { expect, test } from 'vitest'
import { Missing } from '../../indexer/wasm/failure.ts'
import { openProbe, WHOLE_TRANSACTION } from './probe.ts'

const probe = await openProbe()
const TWO_256 = (2n ** 256n).toString()

test.each([
  ['bigInt.plus', ['9007199254740993', '-1'], '9007199254740992'],
  ['bigInt.plus', [TWO_256, TWO_256], (2n ** 257n).toString()],
  ['bigInt.minus', ['0', TWO_256], `-${TWO_256}`],
  ['bigInt.times', ['-128', '256'], '-32768'],
  ['bigInt.div', ['-7', '2'], '-3'],
  // Truncated like the machine's, where Euclid's would be 1.
  ['bigInt.mod', ['-7', '2'], '-1'],
  ['bigInt.mod', ['7', '-2'], '1'],
  ['bigInt.pow', ['-3', '3'], '-27'],
  ['bigInt.pow', ['2', '255'], (2n ** 255n).toString()],
  ['bigInt.leftShift', ['-1', '200'], (-(2n ** 200n)).toString()],
  ['bigInt.rightShift', ['-5', '1'], '-3'],
  ['bigInt.bitOr', ['-8', '3'], '-5'],
  ['bigInt.bitAnd', ['-8', '12'], '8'],
  ['bigInt.toHex', ['0'], '0x0'],
  ['bigInt.toHex', ['-255'], '0xff'],
  ['bigInt.toHex', ['4096'], '0x1000'],
  // Little-endian two's complement, as short as it can be.
  ['bigInt.bytes', ['0'], '0x00'],
  ['bigInt.bytes', ['127'], '0x7f'],
  ['bigInt.bytes', ['128'], '0x8000'],
  ['bigInt.bytes', ['-128'], '0x80'],
  ['bigInt.bytes', ['-129'], '0x7fff'],
  ['bigInt.bytes', ['-4294967296'], '0x00000000ff'],
  ['bigInt.bytes', ['170141183460469231731687303715884105728'], '0x0000000000000000000000000000008000'],
  ['bigInt.dividedByDecimal', ['1', '3'], '0.3333333333333333333333333333333333'],
  ['bigInt.dividedByDecimal', ['10', '-4'], '-2.5'],
])('%s of %j is %s', (command, operands, expected) => {
  expect(probe.run(command, ...operands)).toBe(expected)
})

test.each([
  ['bigDecimal.toString', ['1200'], '1200'],
  ['bigDecimal.toString', ['-0.0500'], '-0.05'],
  ['bigDecimal.toString', ['1e30'], '1000000000000000000000000000000'],
  ['bigDecimal.toString', ['0.00'], '0'],
  ['bigDecimal.toString', ['12.5e-3'], '0.0125'],
  ['bigDecimal.parts', ['1200'], '12 2'],
  ['bigDecimal.parts', ['-0.0500'], '-5 -2'],
  ['bigDecimal.plus', ['0.1', '0.2'], '0.3'],
  ['bigDecimal.plus', ['1e34', '1'], '10000000000000000000000000000000000'],
  ['bigDecimal.minus', ['1', '1.0'], '0'],
  ['bigDecimal.times', ['-1.5', '1.5'], '-2.25'],
  ['bigDecimal.div', ['2', '3'], '0.6666666666666666666666666666666667'],
  ['bigDecimal.div', ['1', '7'], '0.1428571428571428571428571428571429'],
  ['bigDecimal.div', ['6', '2'], '3'],
  ['bigDecimal.equals', ['1.50', '1.5'], 'true'],
  ['bigDecimal.equals', ['1.5', '1.51'], 'false'],
  ['bigDecimal.truncate', ['12.3456', '2'], '12.34'],
  // 35 digits become 34: up from the half.
  ['bigDecimal.toString', ['1.2345678901234567890123456789012345'], '1.234567890123456789012345678901235'],
  ['bigDecimal.toString', ['1.2345678901234567890123456789012344'], '1.234567890123456789012345678901234'],
  // A negative number's digits are guessed from its bits, so that this one keeps 35 and that one is cut, not rounded.
  ['bigDecimal.toString', ['-1.2345678901234567890123456789012345'], '-1.2345678901234567890123456789012345'],
  ['bigDecimal.toString', ['-9.9999999999999999999999999999999999'], '-9.999999999999999999999999999999999'],
])('%s of %j is %s', (command, operands, expected) => {
  expect(probe.run(command, ...operands)).toBe(expected)
})

test.each([
  ['bigInt.div', ['1', '0'], 'divided by zero'],
  ['bigInt.mod', ['1', '0'], 'divided by zero'],
  ['bigInt.plus', ['1', 'x'], 'no BigInt'],
  ['bigDecimal.div', ['1', '0'], 'divided by zero'],
  ['bigDecimal.toString', ['1.2.3'], 'no BigDecimal'],
  ['bigDecimal.toString', ['1e7000'], 'exponent'],
  ['convert.address', ['0x12'], 'no address'],
  ['json.all', ['{'], 'no JSON'],
  ['source.unknown', ['0x12'], 'no template Nothing'],
])('%s of %j fails: %s', (command, operands, message) => {
  expect(() => probe.run(command, ...operands)).toThrow(message)
})

test.each([
  ['convert.bytesToString', ['0x68c3a9000000'], 'hé'],
  ['convert.bytesToString', ['0xff41'], '\ufffdA'],
  ['convert.bytesToHex', ['0x'], '0x'],
  ['convert.bytesToHex', ['0x00FF'], '0x00ff'],
  ['convert.base58', ['0x0000287fb4cd'], '11233QC4'],
  ['convert.address', ['0x5FbDB2315678afecb367f032d93F642f64180aa3'], '0x5fbdb2315678afecb367f032d93f642f64180aa3'],
  ['convert.keccak', ['0x1234'], keccak256('0x1234')],
  ['source.describe', [], '0x5fbdb2315678afecb367f032d93f642f64180aa3 localhost hello 31337'],
  ['json.try', ['[1,'], 'error'],
  ['json.try', ['{"a": "\u{1f3a4}"}'], 'value'],
  [
    'json.all',
    [
      '{"text": "a|b", "large": 123456789012345678901234567890, "int": -5, "float": 2.5, "flag": true, "nothing": null, "list": [1, 2]}',
    ],
    'a|b 123456789012345678901234567890 -5 2.5 true null 2 number',
  ],
])('%s of %j is %s', (command, operands, expected) => {
  expect(probe.run(command, ...operands)).toBe(expected)
})

const TUPLE = parseAbiParameters('(address, int256, string, string[], bool)')

test('what a handler encodes is what a contract decodes, and the other way round', () => {
  const operands = ['0x5FbDB2315678afecb367f032d93F642f64180aa3', '-42', 'naïve 🎤']
  const encoded = probe.run('ethereum.encode', ...operands) as Hex
  const [tuple] = decodeAbiParameters(TUPLE, encoded)
  expect(tuple).toEqual([getAddress(operands[0]), -42n, operands[2], operands, true])
  const data = encodeAbiParameters(TUPLE, [[operands[0] as Hex, -(2n ** 255n), '', [], true]])
  const decoded = probe.run('ethereum.decode', '(address,int256,string,string[],bool)', data)
  expect(decoded).toBe(`${operands[0].toLowerCase()} ${-(2n ** 255n)}   true`)
})

test('data that cannot be decoded is null to a handler', () => {
  expect(probe.run('ethereum.decode', '(address,int256,string,string[],bool)', '0x1234')).toBe('null')
  expect(probe.run('ethereum.decode', 'nonsense', '0x1234')).toBe('null')
})

test('a call is asked once, at the block of the event, and its answer is decoded or counts as reverted', async () => {
  const answers = new Map<string, string | null>()
  const asked: string[] = []
  const calling = await openProbe({
    answerOf(call) {
      if (call.method !== 'call') return undefined
      asked.push(`${call.to} ${call.data.slice(0, 10)} ${call.blockHash}`)
      return answers.get(call.to)
    },
  })
  const [address, other] = [`0x${'11'.repeat(20)}`, `0x${'66'.repeat(20)}`]
  expect(() => calling.run('ethereum.call', other, address)).toThrow(
    expect.objectContaining({ what: expect.objectContaining({ kind: 'call' }) }),
  )
  answers.set(address, `0x${'00'.repeat(31)}01`)
  expect(calling.run('ethereum.call', other, address)).toBe('true')
  expect(asked.at(-1)).toBe(
    `${address} ${keccak256(new TextEncoder().encode('isEmitter(address)')).slice(0, 10)} ${calling.trigger('', [], '').header.hash}`,
  )
  for (const reverted of [null, '0x', '0x01']) {
    answers.set(address, reverted)
    expect(calling.run('ethereum.tryCall', other, address)).toBe('reverted')
  }
  expect(() => calling.run('ethereum.call', other, address)).toThrow('aborted')
})

test('a handler sees the event, its block and what receipts tell of its transaction', () => {
  expect(probe.run('event.describe')).toBe(
    `0x5fbdb2315678afecb367f032d93f642f64180aa3 9 9 null 8 clipHash 0x${'00'.repeat(31)}05 11 0x${'33'.repeat(20)} 1700000000 no receipt`,
  )
  const { header, transaction } = probe.trigger('', [], '')
  expect(probe.run('event.block').split(' ')).toEqual([
    header.hash,
    header.parentHash,
    header.sha3Uncles,
    header.miner,
    header.stateRoot,
    header.transactionsRoot,
    header.receiptsRoot,
    '7',
    '21000',
    '30000000',
    '1700000000',
    '0',
    '18446744073709551616',
    '544',
    '7',
  ])
  expect(probe.run('event.hash')).toBe(`${transaction.hash} ${transaction.from}`)
})

test('a handler that looks at the rest of a transaction waits until it is known', async () => {
  expect(() => probe.run('event.transaction')).toThrow(
    expect.objectContaining({ what: expect.objectContaining({ kind: 'transaction' }) }),
  )
  const transaction = WHOLE_TRANSACTION
  const whole = await openProbe({ transaction })
  // What was paid is the block's base fee of 7 and the tip of 2, not the cap.
  expect(whole.run('event.transaction')).toBe(
    `${transaction.hash} 3 ${transaction.from} ${transaction.to} 1000000000000000000 21000 9 0x00ff 1`,
  )
})

test('no handler is given another one’s module state, whether its instance is new or reset', async () => {
  for (const isReset of [true, false]) {
    const isolated = await openProbe({ isReset })
    isolated.runBlock([
      ['state', 'first'],
      ['state', 'second'],
    ])
    expect([isolated.text('first'), isolated.text('second')]).toEqual(['1 first 42', '1 second 42'])
    expect(() => isolated.run('fail.abort', 'x')).toThrow('aborted')
    expect(isolated.run('state')).toBe('1 answer 42')
  }
})

test('an instance whose handler has used much memory is clean for the next', async () => {
  const large = await openProbe()
  large.run('convert.bytesToHex', `0x${'ab'.repeat(3_000_000)}`)
  expect(large.text('answer')).toHaveLength(6_000_002)
  expect(large.run('state')).toBe('1 answer 42')
})

test('what cannot be answered yet is no failure', () => {
  expect(() => probe.run('ethereum.balance', `0x${'11'.repeat(20)}`)).toThrow(Missing)
})
