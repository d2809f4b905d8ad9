import { expect, test } from 'vitest'
import { createPace } from '../../worker/net/pace.ts'
import { poll } from '../../worker/net/poll.ts'
import { parseRetryAfterMs } from '../../worker/net/retry.ts'
import { wait } from '../../worker/net/wait.ts'

const { signal } = new AbortController()

test('turns are taken in order, at least the interval apart, and an aborted one is given back', async () => {
  const pace = createPace(60)
  const startedMs = performance.now()
  const times: number[] = []
  const turn = async (aborts?: AbortSignal) => {
    await pace(aborts)
    times.push(performance.now() - startedMs)
  }
  const aborted = turn(AbortSignal.abort(new Error('no')))
  await expect(aborted).rejects.toThrow('no')
  await Promise.all([turn(), turn(), turn()])
  expect(times).toHaveLength(3)
  expect(times[1] - times[0]).toBeGreaterThan(55)
  expect(times[2] - times[1]).toBeGreaterThan(55)
})

test('waiting ends with the signal’s reason', async () => {
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('stop')), 20)
  await expect(wait(5_000, controller.signal)).rejects.toThrow('stop')
})

test('polling ends with the first answer, with null in time, or with what the question throws', async () => {
  let asked = 0
  expect(await poll(async () => (++asked === 3 ? 'done' : null), { intervalMs: 1, timeoutMs: 1_000, signal })).toBe(
    'done',
  )
  const startedMs = performance.now()
  expect(await poll(async () => null, { intervalMs: 10, timeoutMs: 50, signal })).toBe(null)
  expect(performance.now() - startedMs).toBeLessThan(1_000)
  await expect(poll(() => Promise.reject(new Error('gone')), { intervalMs: 1, timeoutMs: 9, signal })).rejects.toThrow(
    'gone',
  )
})

test('Retry-After is read as seconds or as a date, and nonsense is none', () => {
  const now = Date.UTC(2026, 0, 1)
  expect(parseRetryAfterMs('120', now)).toBe(120_000)
  expect(parseRetryAfterMs(' 0 ', now)).toBe(0)
  expect(parseRetryAfterMs('Thu, 01 Jan 2026 00:00:30 GMT', now)).toBe(30_000)
  expect(parseRetryAfterMs('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0)
  for (const header of [null, '', 'soon', '-5']) expect(parseRetryAfterMs(header, now), String(header)).toBe(null)
})
