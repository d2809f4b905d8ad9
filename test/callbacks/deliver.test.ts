import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  addDelivery,
  addWithCallback,
  deliveries,
  engine,
  logged,
  receiver,
  record,
  start,
  toys,
  untilStatus,
  useCallbacks,
} from './toys.ts'

useCallbacks()

test('a receiver that fails is called again until it takes it, always with the same body', async () => {
  await addDelivery()
  receiver.inject('POST /hook', { status: 500 }, 'reset', { status: 302, headers: { location: '/hook' } })
  start()
  await untilStatus('delivered')
  expect(receiver.requests).toHaveLength(4)
  expect(new Set(receiver.requests.map(({ body }) => body.toString())).size).toBe(1)
  expect(await deliveries()).toMatchObject([{ attempts: 4, error_message: null }])
})

test('a receiver that never takes it is given up after the last delay, with the reason kept and no secret shown', async () => {
  await addDelivery()
  toys.answer = () => ({ status: 503 })
  start({ WEBHOOK_RETRY_DELAYS_SECONDS: '0.1,0.1' })
  await untilStatus('failed')
  expect(receiver.requests).toHaveLength(3)
  const host = new URL(receiver.url).host
  expect(await deliveries()).toMatchObject([{ attempts: 3, error_message: `${host}: answered 503` }])
  expect(logged.filter((line) => line.includes('given up'))).toHaveLength(1)
  expect(logged.join('')).not.toMatch(/hidden-1|\/hook/)
  // Somebody mends the receiver and sends it again.
  toys.answer = () => ({ status: 200 })
  await engine.query("update webhook_deliveries set status = 'pending'")
  await untilStatus('delivered')
})

test('the delays grow as configured', async () => {
  await addDelivery()
  toys.answer = () => ({ status: 500 })
  start({ WEBHOOK_RETRY_DELAYS_SECONDS: '10,60,600,3600' })
  for (const [index, delay] of [10, 60, 600, 3600].entries()) {
    await engine.until('select 1 from webhook_deliveries where attempts = $1', [index + 1])
    const [{ in_seconds, status }] = await deliveries()
    expect(status).toBe('pending')
    expect(in_seconds).toBeGreaterThan(delay - 5)
    expect(in_seconds).toBeLessThanOrEqual(delay)
    await engine.query('update webhook_deliveries set next_attempt_at = now()')
  }
  await untilStatus('failed')
  expect(receiver.requests).toHaveLength(5)
})

test('a receiver that never answers holds up nobody else', async () => {
  await addDelivery()
  receiver.inject('POST /hook', 'hang')
  start({ WEBHOOK_TIMEOUT_SECONDS: '2' })
  await expect.poll(() => receiver.requests.length).toBe(1)
  await addDelivery()
  await untilStatus('delivered', 1.9)
  await engine.until('select 1 from webhook_deliveries where error_message like $1', ['%no answer within 2 s'])
})

test('an address inside the network is refused at once', async () => {
  await addDelivery()
  await addDelivery('http://192.168.1.1/hook?key=hidden-1')
  await addDelivery('http://169.254.169.254/latest')
  start({ WEBHOOK_ALLOW_PRIVATE: 'false' })
  await engine.until("select 1 from webhook_deliveries where status = 'failed' having count(*) = 3")
  expect(receiver.requests).toEqual([])
  for (const row of await deliveries()) {
    expect(row.attempts).toBe(1)
    expect(row.error_message).toMatch(/^[\d.]+ is not on the public internet: set WEBHOOK_ALLOW_PRIVATE=true/)
  }
})

test('two workers at once send each callback once', async () => {
  for (let i = 0; i < 30; i++) await addWithCallback('tune')
  await engine.query("update tasks set status = 'completed'")
  await Promise.all([record(), record(), record()])
  expect(await deliveries()).toHaveLength(30)
  start()
  start()
  await engine.until("select 1 from webhook_deliveries where status = 'delivered' having count(*) = 30")
  expect(receiver.requests).toHaveLength(30)
  expect(new Set(receiver.requests.map((request) => request.headers['x-refrain-delivery'])).size).toBe(30)
})

test('a stopping worker gives back what it is sending, and the attempt does not count', async () => {
  await addDelivery()
  receiver.inject('POST /hook', 'hang')
  const callbacks = start()
  await expect.poll(() => receiver.requests.length).toBe(1)
  await callbacks.stop()
  const [row] = await deliveries()
  expect(row).toMatchObject({ status: 'pending', attempts: 0, error_message: null })
  expect(row.in_seconds).toBeLessThanOrEqual(0)
})

test('after kill -9 another worker sends it when the lease has ended, not before', async () => {
  await addDelivery()
  receiver.inject('POST /hook', 'hang')
  const victim = fork(join(import.meta.dirname, 'callbacks-process.ts'), {
    env: { ...process.env, DATABASE_URL: engine.url, WEBHOOK_ALLOW_PRIVATE: 'true' },
  })
  try {
    await expect.poll(() => receiver.requests.length, { timeout: 10_000 }).toBe(1)
  } finally {
    victim.kill('SIGKILL')
    await once(victim, 'exit')
  }
  const [row] = await deliveries()
  expect(row).toMatchObject({ status: 'pending', attempts: 0 })
  expect(row.in_seconds).toBeGreaterThan(20)
  start()
  await new Promise((resolve) => setTimeout(resolve, 1_300))
  expect(receiver.requests).toHaveLength(1)
  await engine.query('update webhook_deliveries set next_attempt_at = now()')
  await untilStatus('delivered')
  expect(receiver.requests).toHaveLength(2)
})
