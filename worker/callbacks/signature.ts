import { createHmac } from 'node:crypto'

/**
 * Headers by which a receiver knows a callback: which delivery it is, when it was sent (seconds since 1970), and, with a
 * secret, `sha256=<HMAC-SHA-256 of timestamp.body, in hexadecimal>`. The time is signed too, so that an old callback cannot
 * be played back as a new one.
 */
export function callbackHeaders(
  deliveryId: string,
  body: string,
  secret: string | undefined,
  sentAt: Date,
): Record<string, string> {
  const timestamp = String(Math.floor(sentAt.getTime() / 1000))
  const headers = { 'X-Refrain-Delivery': deliveryId, 'X-Refrain-Timestamp': timestamp }
  if (secret === undefined) return headers
  const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
  return { ...headers, 'X-Refrain-Signature': `sha256=${signature}` }
}
