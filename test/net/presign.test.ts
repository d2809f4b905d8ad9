import { expect, test } from 'vitest'
import { presign } from '../../worker/net/presign.ts'

const bucket = {
  endpoint: 'https://s3.amazonaws.com',
  bucket: 'examplebucket',
  region: 'us-east-1',
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
}
const now = new Date('2013-05-24T00:00:00Z')

test('a signed URL is path-style, ends in the signature and depends on method, key and time', () => {
  const url = presign(bucket, 'GET', 'test.txt', 86_400, now)
  expect(url).toMatch(/^https:\/\/s3\.amazonaws\.com\/examplebucket\/test\.txt\?X-Amz-Algorithm=AWS4-HMAC-SHA256&/)
  expect(url).toContain('X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request')
  expect(url).toContain('X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=')
  const others = [
    presign(bucket, 'PUT', 'test.txt', 86_400, now),
    presign(bucket, 'GET', 'test2.txt', 86_400, now),
    presign(bucket, 'GET', 'test.txt', 86_400, new Date('2013-05-24T00:00:01Z')),
    presign({ ...bucket, secretAccessKey: 'x' }, 'GET', 'test.txt', 86_400, now),
  ]
  expect(new Set([url, ...others].map((text) => text.slice(-64))).size).toBe(5)
})

test('the signature is the one of the worked example in Amazon’s documentation', () => {
  const host = { ...bucket, endpoint: 'https://examplebucket.s3.amazonaws.com', bucket: null }
  expect(presign(host, 'GET', 'test.txt', 86_400, now).slice(-64)).toBe(
    'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  )
})

test('keys are percent-encoded but keep their folders, and an endpoint may have a path', () => {
  const url = presign({ ...bucket, endpoint: 'http://localhost:9000/s3/' }, 'PUT', 'a b/ü(1).flac', 60, now)
  expect(new URL(url).pathname).toBe('/s3/examplebucket/a%20b/%C3%BC%281%29.flac')
})
