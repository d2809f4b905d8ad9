import { expect, test } from 'vitest'
import { displayUrl, redact, secretsOf } from '../../worker/net/redact.ts'

test('a shown URL has neither credentials nor query values', () => {
  expect(displayUrl('https://user:pw@host.test:8443/a/b?X-Amz-Signature=abc#frag')).toBe('https://host.test:8443/a/b?…')
  expect(displayUrl('https://host.test/')).toBe('https://host.test/')
  expect(displayUrl('nonsense')).toBe('(not a URL)')
})

test('credentials vanish from text, in every usual spelling', () => {
  const texts = [
    'see postgres://app:s3cr3tvalue@db.test/x now',
    'Authorization: Bearer s3cr3tvalue.abc',
    'Authorization: Key s3cr3tvalue',
    '{"access_token":"s3cr3tvalue","token_type":"x"}',
    "api_key = 's3cr3tvalue'",
    'apiKey=s3cr3tvalue&x=1',
    'X-Amz-Signature=s3cr3tvalue',
    'client_secret: s3cr3tvalue',
    'https://files.test/a?sig=s3cr3tvalue',
    'your key s3cr3tvalue is wrong',
  ]
  for (const text of texts) {
    expect(redact(text, ['s3cr3tvalue'])).not.toContain('s3cr3tvalue')
  }
  for (const text of texts.slice(0, -1)) expect(redact(text)).not.toContain('s3cr3tvalue')
})

test('ordinary messages stay as they are', () => {
  for (const text of ['Audio too long: 200 s', 'no model google/gemini-2.5', 'unexpected token < in JSON', '']) {
    expect(redact(text)).toBe(text)
  }
})

test('secrets are found among headers, with and without their scheme', () => {
  expect(secretsOf({ Authorization: 'Bearer abcdef', 'xi-api-key': 'ghijkl', accept: '*/*' })).toEqual([
    'Bearer abcdef',
    'abcdef',
    'ghijkl',
    'ghijkl',
  ])
})
