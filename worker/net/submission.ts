import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { AppError, Blocked } from '../errors.ts'

const Record = z.discriminatedUnion('state', [
  z.object({ state: z.literal('submitting'), at: z.string() }),
  z.object({ state: z.literal('submitted'), at: z.string(), job: z.unknown() }),
])

/** Submits under way in this process, so that two tasks for the same work share one job. */
const underWay = new Map<string, Promise<unknown>>()

/**
 * Starts paid work at a service that knows no idempotency key, at most once for a record file. The intention is written before
 * the call and the service's answer after it, so that a later attempt takes up the job that runs already. When it is not known
 * whether the service took the work (a crash or a broken connection in between), nothing is sent again: a person decides.
 *
 * @param path the record's file, named for the work (`submissionPath`), in a folder that outlives the attempt
 * @param job the form of what `submit` returns: the service's id and whatever is needed to ask for it
 * @throws Blocked when an earlier submit has an unknown outcome; what `submit` throws
 */
export async function submitOnce<Job extends z.ZodType>(
  path: string,
  provider: string,
  job: Job,
  submit: () => Promise<z.output<Job>>,
): Promise<z.output<Job>> {
  const before = underWay.get(path)?.catch(() => undefined) ?? Promise.resolve()
  const submission = before.then(() => submitRecorded(path, provider, job, submit))
  underWay.set(path, submission)
  try {
    return await submission
  } finally {
    if (underWay.get(path) === submission) underWay.delete(path)
  }
}

async function submitRecorded<Job extends z.ZodType>(
  path: string,
  provider: string,
  job: Job,
  submit: () => Promise<z.output<Job>>,
): Promise<z.output<Job>> {
  const before = await readRecord(path)
  if (before?.state === 'submitted') return job.parse(before.job)
  if (before?.state === 'submitting') throw uncertain(provider, path, before.at, undefined)
  const at = new Date().toISOString()
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeRecord(path, { state: 'submitting', at })
  let submitted: z.output<Job>
  try {
    submitted = await submit()
  } catch (error) {
    // An abort stays an abort; the record tells the next attempt.
    if (isUncertain(error)) throw error instanceof AppError ? uncertain(provider, path, at, error) : error
    await forgetSubmission(path)
    throw error
  }
  await writeRecord(path, { state: 'submitted', at, job: submitted })
  return submitted
}

/**
 * The record's file for a piece of work: the same work has the same name in every attempt.
 *
 * @param work everything that makes the work what it is: the input's hash, the model, its settings
 */
export function submissionPath(dataFolder: string, provider: string, work: readonly unknown[]): string {
  const name = createHash('sha256').update(JSON.stringify(work)).digest('hex').slice(0, 32)
  return join(dataFolder, 'submissions', `${provider}-${name}.json`)
}

/** After the job ended without a usable result: the next attempt may submit again. */
export async function forgetSubmission(path: string): Promise<void> {
  await rm(path, { force: true })
}

/** Sure is only what the service refused (an answer other than 5xx or 408) and what never reached it. */
function isUncertain(error: unknown): boolean {
  if (!(error instanceof AppError)) return true
  const { status, isUncertain = true } = error.details
  if (error.kind === 'PROVIDER_REJECTED') return status === undefined
  return typeof status === 'number' ? status === 408 || status >= 500 : isUncertain === true
}

function uncertain(provider: string, path: string, at: string, cause: unknown): Blocked {
  const message = `${provider}: it is not known whether the job sent at ${at} was accepted, and sending it again could cost twice; look at the provider’s list of jobs, remove submissions/${basename(path)} from the data folder to send it again, and retry the task`
  return new Blocked(message, { cause, details: { provider, submittedAt: at } })
}

async function readRecord(path: string): Promise<z.output<typeof Record> | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
  return Record.parse(JSON.parse(text))
}

async function writeRecord(path: string, record: z.output<typeof Record>): Promise<void> {
  await writeFile(`${path}.part`, JSON.stringify(record), { mode: 0o600, flush: true })
  await rename(`${path}.part`, path)
}
