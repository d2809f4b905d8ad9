import { mkdtemp, readdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { AppError, ProviderRejected, ProviderUnavailable } from '../../worker/errors.ts'
import { forgetSubmission, submissionPath, submitOnce } from '../../worker/net/submission.ts'

const Job = z.object({ id: z.string() })
let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-submission-'))
  path = submissionPath(folder, 'vendor', ['sha', { model: 'm' }])
})

function counted(outcome: () => Promise<{ id: string }>) {
  const submit = Object.assign(
    () => {
      submit.calls++
      return outcome()
    },
    { calls: 0 },
  )
  return submit
}

test('the same work has the same record, other work another', () => {
  expect(submissionPath(folder, 'vendor', ['sha', { model: 'm' }])).toBe(path)
  expect(submissionPath(folder, 'vendor', ['sha', { model: 'n' }])).not.toBe(path)
})

test('a job is submitted once, also by two tasks at the same moment, until it is forgotten', async () => {
  const submit = counted(async () => ({ id: 'j1' }))
  const both = await Promise.all([submitOnce(path, 'vendor', Job, submit), submitOnce(path, 'vendor', Job, submit)])
  expect(both).toEqual([{ id: 'j1' }, { id: 'j1' }])
  expect(await submitOnce(path, 'vendor', Job, submit)).toEqual({ id: 'j1' })
  expect(submit.calls).toBe(1)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  await forgetSubmission(path)
  await submitOnce(path, 'vendor', Job, submit)
  expect(submit.calls).toBe(2)
})

test('what surely did not begin may be sent again', async () => {
  const failures = [
    new ProviderRejected('vendor', 'no credit', { details: { status: 402 } }),
    new ProviderUnavailable('vendor', 'busy', { details: { status: 429 } }),
    new ProviderUnavailable('vendor', 'not reached', { details: { isUncertain: false } }),
  ]
  for (const failure of failures) {
    await expect(submitOnce(path, 'vendor', Job, () => Promise.reject(failure))).rejects.toBe(failure)
    expect(await readdir(join(folder, 'submissions'))).toEqual([])
  }
})

test('what may have begun is not sent again before a person says so', async () => {
  const failures = [
    new ProviderUnavailable('vendor', 'broke off', { details: { isUncertain: true } }),
    new ProviderUnavailable('vendor', 'failed', { details: { status: 502 } }),
    new ProviderUnavailable('vendor', 'slow', { details: { status: 408 } }),
    new ProviderRejected('vendor', 'an answer of another form'),
    new Error('the process was told to stop'),
  ]
  for (const failure of failures) {
    const first = await submitOnce(path, 'vendor', Job, () => Promise.reject(failure)).catch((error: unknown) => error)
    // An abort keeps its own reason.
    if (failure instanceof AppError) expect(first).toMatchObject({ kind: 'BLOCKED', cause: failure })
    else expect(first).toBe(failure)
    const submit = counted(async () => ({ id: 'j2' }))
    const again = submitOnce(path, 'vendor', Job, submit)
    await expect(again).rejects.toThrow(/remove submissions\/vendor-[0-9a-f]{32}\.json/)
    await expect(again).rejects.not.toThrow(folder)
    expect(submit.calls).toBe(0)
    await forgetSubmission(path)
  }
})
