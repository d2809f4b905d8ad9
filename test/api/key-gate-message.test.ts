import { createSiweMessage } from 'viem/siwe'
import { expect, test } from 'vitest'
import { checkMessage, readMessage } from '../../api/key-gate-message.ts'
import { callerOf, createRate } from '../../api/key-gate-rate.ts'
import { keyResource, signInMessage } from '../../client/sign-in.ts'

const NOW = Date.parse('2030-01-01T00:05:00Z')
const keyId = '0b0e1a3c-1111-4222-8333-444455556666'
const fields = {
  domain: 'localhost:4000',
  address: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
  uri: 'http://localhost:4000/keys',
  chainId: 31337,
  nonce: '0123456789abcdef0123456789abcdef',
  issuedAt: '2030-01-01T00:00:00.000Z',
  expirationTime: '2030-01-01T00:10:00.000Z',
  keyId,
} as const
const expected = { domains: ['localhost:4000'], gateUrl: fields.uri, chainId: 31337, keyId, nowMs: NOW }

const good = signInMessage(fields)
const judge = (text: string, nowMs = NOW) => checkMessage(readMessage(text), { ...expected, nowMs })
const code = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
  return 'fine'
}

test('what the client signs is read whole and found right', () => {
  expect(readMessage(good)).toEqual({
    domain: fields.domain,
    address: fields.address,
    uri: fields.uri,
    chainId: 31337,
    nonce: fields.nonce,
    issuedAt: new Date(fields.issuedAt),
    expirationTime: new Date(fields.expirationTime),
    notBefore: null,
    resources: [keyResource(keyId)],
  })
  expect(code(() => judge(good))).toBe('fine')
})

test('messages of another maker of EIP-4361 are read too, with every optional field', () => {
  const made = createSiweMessage({
    domain: fields.domain,
    address: fields.address,
    uri: fields.uri,
    chainId: 31337,
    nonce: fields.nonce,
    version: '1',
    scheme: 'http',
    statement: 'Let me in',
    issuedAt: new Date(fields.issuedAt),
    expirationTime: new Date(fields.expirationTime),
    notBefore: new Date('2030-01-01T00:01:00Z'),
    requestId: 'some-id',
    resources: ['https://example.org/a', keyResource(keyId)],
  })
  expect(code(() => judge(made))).toBe('fine')
  const withoutStatement = good.replace(/\nOpen this song[^\n]*\n/, '\n')
  expect(code(() => judge(withoutStatement))).toBe('fine')
})

test('text before, between or after the fields is no message', () => {
  const lines = good.split('\n')
  const wrong = [
    '',
    'hello',
    `x\n${good}`,
    `${good}\nmore`,
    `${good}\n`,
    good.replaceAll('\n', '\r\n'),
    good.replace('Version: 1', 'Version: 2'),
    good.replace('Version: 1\n', ''),
    good.replace('Chain ID: 31337', 'Chain ID: 0x7a69'),
    good.replace('Nonce: 0123456789abcdef0123456789abcdef', 'Nonce: short'),
    good.replace('Nonce: 0', 'Nonce: -'),
    good.replace(fields.issuedAt, 'yesterday'),
    good.replace(fields.issuedAt, '2030-13-45T00:00:00Z'),
    good.replace(fields.expirationTime, ''),
    good.replace(fields.address, fields.address.slice(0, -1)),
    good.replace(fields.address, fields.address.replace('C51812', 'c51812')),
    good.replace('URI: ', 'URI:'),
    good.replace('localhost:4000 wants', 'evil.test localhost:4000 wants'),
    [...lines.slice(0, 5), lines[6], lines[5], ...lines.slice(7)].join('\n'),
    good.replace('URI: ', 'URI: http://evil.test/keys\nURI: '),
    'x'.repeat(5_000_000),
    `${good.slice(0, 60)}${'\n'.repeat(3_000)}`,
  ]
  for (const text of wrong)
    expect(
      code(() => judge(text)),
      JSON.stringify(text.slice(0, 300)),
    ).toBe('BAD_MESSAGE')
  expect(code(() => judge(good.replace(fields.address, fields.address.toLowerCase())))).toBe('fine')
})

test('a statement that looks like fields does not stand for them', () => {
  const sly = good
    .replace(/Open this song[^\n]*/, `URI: ${fields.uri}`)
    .replace(`\nURI: ${fields.uri}\nVersion`, '\nURI: http://evil.test/keys\nVersion')
  expect(code(() => judge(sly))).toBe('WRONG_URI')
})

test('each thing that is not as it must be has its code', () => {
  const cases: [string, string][] = [
    [signInMessage({ ...fields, domain: 'evil.test' }), 'WRONG_DOMAIN'],
    [signInMessage({ ...fields, domain: 'localhost:4000.evil.test' }), 'WRONG_DOMAIN'],
    [signInMessage({ ...fields, domain: 'localhost' }), 'WRONG_DOMAIN'],
    [signInMessage({ ...fields, uri: 'http://evil.test/keys' }), 'WRONG_URI'],
    [signInMessage({ ...fields, uri: `${fields.uri}/` }), 'WRONG_URI'],
    [signInMessage({ ...fields, chainId: 1 }), 'WRONG_CHAIN'],
    [signInMessage({ ...fields, keyId: '0b0e1a3c-1111-4222-8333-444455557777' }), 'WRONG_KEY'],
    [good.replace(/\nResources:[\s\S]*/, ''), 'WRONG_KEY'],
    [signInMessage({ ...fields, issuedAt: '2030-01-01T00:07:00.000Z' }), 'NOT_YET_VALID'],
    [good.replace('\nResources:', '\nNot Before: 2030-01-01T00:05:01.000Z\nResources:'), 'NOT_YET_VALID'],
    [signInMessage({ ...fields, expirationTime: '2030-01-01T00:05:00.000Z' }), 'EXPIRED'],
  ]
  for (const [text, reason] of cases)
    expect(
      code(() => judge(text)),
      text,
    ).toBe(reason)
  expect(code(() => judge(good, NOW + 300_000))).toBe('EXPIRED')
  expect(code(() => judge(signInMessage({ ...fields, issuedAt: '2030-01-01T00:05:50.000Z' })))).toBe('fine')
})

test('a rate gives so many turns at once, then one after another, and forgets who was not seen for long', () => {
  let now = 0
  const rate = createRate({ perMinute: 3, maxKeys: 2, now: () => now })
  expect([1, 2, 3, 4, 5].map(() => rate.take('a'))).toEqual([0, 0, 0, 20, 20])
  expect(rate.take('b')).toBe(0)
  now += 10_000
  expect(rate.take('a')).toBe(10)
  now += 10_000
  expect(rate.take('a')).toBe(0)
  expect(rate.take('a')).toBe(20)
  rate.take('b')
  rate.take('c')
  expect(rate.take('a')).toBe(0)
})

test('one caller is an IPv4 address or an IPv6 network', () => {
  expect(callerOf('::ffff:10.0.0.7')).toBe('10.0.0.7')
  expect(callerOf('10.0.0.7')).toBe('10.0.0.7')
  expect(callerOf('2001:db8:1:2:3:4:5:6')).toBe(callerOf('2001:db8:1:2:ffff::1'))
  expect(callerOf('2001:db8:1:2::1')).not.toBe(callerOf('2001:db8:1:3::1'))
  expect([callerOf(undefined), callerOf('nonsense')]).toEqual(['unknown', 'unknown'])
})
