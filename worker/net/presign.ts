import { createHash, createHmac } from 'node:crypto'

export interface Bucket {
  /** `https://s3.eu-central-1.amazonaws.com`, or any S3-compatible service. */
  readonly endpoint: string
  /** Null when the endpoint's host names the bucket already. */
  readonly bucket: string | null
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/**
 * A URL with which whoever holds it may do one thing with one object for a while: AWS Signature Version 4 in the query,
 * payload unsigned. Path-style, or as the endpoint is.
 *
 * @param key object name; `/` separates folders
 * @param expiresSeconds 1…604 800
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 */
export function presign(
  { endpoint, bucket, region, accessKeyId, secretAccessKey }: Bucket,
  method: 'GET' | 'PUT' | 'DELETE',
  key: string,
  expiresSeconds: number,
  now: Date = new Date(),
): string {
  const url = new URL(endpoint)
  const segments = [...(bucket === null ? [] : [bucket]), ...key.split('/')].map(encode)
  url.pathname = [url.pathname.replace(/\/+$/, ''), ...segments].join('/')
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '')
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`
  const query = Object.entries({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(expiresSeconds),
    'X-Amz-SignedHeaders': 'host',
  })
    .map(([name, value]) => `${name}=${encode(value)}`)
    .join('&')
  const canonical = [method, url.pathname, query, `host:${url.host}\n`, 'host', 'UNSIGNED-PAYLOAD'].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const signingKey = scope.split('/').reduce<string | Buffer>((by, part) => hmac(by, part), `AWS4${secretAccessKey}`)
  return `${url.origin}${url.pathname}?${query}&X-Amz-Signature=${hmac(signingKey, toSign).toString('hex')}`
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** RFC 3986: all but letters, digits and `-._~`. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}
