import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { type PostOptions, post } from '../../worker/callbacks/post.ts'
import { callbackHeaders } from '../../worker/callbacks/signature.ts'
import { InvalidInput, ProviderUnavailable } from '../../worker/errors.ts'
import { startVendor } from '../support/vendor.ts'

const options = (more: Partial<PostOptions> = {}): PostOptions => ({
  headers: {},
  allowPrivate: true,
  timeoutMs: 5_000,
  signal: new AbortController().signal,
  ...more,
})
const faultOf = async (sending: Promise<void>): Promise<Error> =>
  sending.then(
    () => new Error('it was sent'),
    (error: Error) => error,
  )

test('a name is resolved once, every address is judged, and the receiver is told the name', async () => {
  await using receiver = await startVendor({ 'POST /hook': () => ({ status: 200 }) })
  const { port } = new URL(receiver.url)
  const asked: string[] = []
  const lookup = async (hostname: string) => {
    asked.push(hostname)
    return ['127.0.0.1']
  }
  await post(`http://hooks.example:${port}/hook`, '{"a":1}', options({ lookup, headers: { 'x-one': '1' } }))
  expect(asked).toEqual(['hooks.example'])
  expect(receiver.requests[0].headers).toMatchObject({ host: `hooks.example:${port}`, 'x-one': '1' })
  expect(receiver.requests[0].body.toString()).toBe('{"a":1}')

  const mixed = post(
    `http://hooks.example:${port}/hook`,
    '{}',
    options({ allowPrivate: false, lookup: async () => ['93.184.215.14', '127.0.0.1'] }),
  )
  const fault = await faultOf(mixed)
  expect(fault).toBeInstanceOf(InvalidInput)
  expect(fault.message).toContain('hooks.example is not on the public internet')
  expect(receiver.requests).toHaveLength(1)
})

test('the next address is tried when the first refuses', async () => {
  await using receiver = await startVendor({ 'POST /hook': () => ({ status: 200 }) })
  const { port } = new URL(receiver.url)
  await post(`http://hooks.example:${port}/hook`, '{}', options({ lookup: async () => ['127.0.0.99', '127.0.0.1'] }))
  expect(receiver.requests).toHaveLength(1)
})

test.each([
  'http://169.254.169.254/',
  'http://[fe80::1]/',
  'http://0.0.0.0/',
  'http://[::ffff:127.0.0.1]/',
  'http://224.0.0.1/',
])('even inside the own network %s is out of reach', async (url) => {
  const fault = await faultOf(post(url, '{}', options()))
  expect(fault).toBeInstanceOf(InvalidInput)
  expect(fault.message).toContain('not on the public internet')
})

test.each(['file:///etc/passwd', 'http://me:hidden@127.0.0.1/', 'nonsense'])('%s can never be right', async (url) => {
  const fault = await faultOf(post(url, '{}', options()))
  expect(fault).toBeInstanceOf(InvalidInput)
  expect(fault.message).not.toContain('hidden')
})

test('an unknown name and a refused connection may pass, and their messages show no address or path', async () => {
  const unknown = async () => {
    throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })
  }
  const failures = [
    await faultOf(post('http://hooks.example/hook?key=hidden', '{}', options({ lookup: unknown }))),
    await faultOf(post('http://hooks.example:9/hook?key=hidden', '{}', options({ lookup: async () => ['127.0.0.1'] }))),
  ]
  for (const fault of failures) {
    expect(fault).toBeInstanceOf(ProviderUnavailable)
    expect(fault.message).not.toMatch(/hidden|127\.0|\/hook/)
  }
  expect(failures[1].message).toBe('hooks.example:9: the connection failed (ECONNREFUSED)')
})

test('a redirect is not followed', async () => {
  await using other = await startVendor({ 'POST /': () => ({ status: 200 }), 'GET /': () => ({ status: 200 }) })
  await using receiver = await startVendor({
    'POST /hook': () => ({ status: 307, headers: { location: `${other.url}/` } }),
  })
  const fault = await faultOf(post(`${receiver.url}/hook`, '{}', options()))
  expect(fault.message).toMatch(/answered 307: redirects are not followed$/)
  expect(other.requests).toEqual([])
})

/** Answers 200 and then never stops. */
async function endless(write: (response: ServerResponse) => void) {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(200)
    write(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('an answer whose body never ends counts by its status', async () => {
  let sentBytes = 0
  await using flood = await endless((response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) sentBytes += 65_536
    }
    response.on('drain', more)
    more()
  })
  await post(flood.url, '{}', options())
  expect(sentBytes).toBeLessThan(50_000_000)
  await using silence = await endless((response) => response.write('ok'))
  await post(silence.url, '{}', options({ timeoutMs: 300 }))
})

test('silence ends at the time limit, and an abort at once with its reason', async () => {
  await using receiver = await startVendor({ 'POST /hook': () => ({ status: 200 }) })
  receiver.inject('POST /hook', 'hang', 'hang')
  const fault = await faultOf(post(`${receiver.url}/hook`, '{}', options({ timeoutMs: 200 })))
  expect(fault).toBeInstanceOf(ProviderUnavailable)
  expect(fault.message).toContain('no answer within 0.2 s')
  const reason = new Error('stop')
  expect(await faultOf(post(`${receiver.url}/hook`, '{}', options({ signal: AbortSignal.abort(reason) })))).toBe(reason)
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), 100)
  expect(await faultOf(post(`${receiver.url}/hook`, '{}', options({ signal: controller.signal })))).toBe(reason)
  const slowName = post('http://hooks.example/', '{}', options({ timeoutMs: 100, lookup: () => new Promise(() => {}) }))
  expect((await faultOf(slowName)).message).toContain('no answer within 0.1 s')
})

test('the signature is that of openssl over timestamp.body', () => {
  // printf '1700000000.{"a":"é"}' | openssl dgst -sha256 -hmac 0123456789abcdef
  expect(callbackHeaders('d', '{"a":"é"}', '0123456789abcdef', new Date(1_700_000_000_999))).toEqual({
    'X-Refrain-Delivery': 'd',
    'X-Refrain-Timestamp': '1700000000',
    'X-Refrain-Signature': 'sha256=bb89790fe3947d40e57e5bb306aed4afd1ba868fa386f98dc4469e14f50ebb97',
  })
})
