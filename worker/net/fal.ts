import { openAsBlob } from 'node:fs'
import { basename } from 'node:path'
import { z } from 'zod'
import { AppError, InvalidInput, ProviderRejected, ProviderUnavailable } from '../errors.ts'
import type { Download, DownloadOptions } from './download.ts'
import type { Http } from './http.ts'
import { poll } from './poll.ts'
import { forgetSubmission, submitOnce } from './submission.ts'

/** The variables of every provider that runs a model on fal.ai. */
export const falVariables = {
  FAL_KEY: z.string().meta({ description: 'key for fal.ai', isSecret: true }),
  FAL_QUEUE_URL: z.url().default('https://queue.fal.run').meta({ description: 'fal.ai’s queue' }),
  FAL_STORAGE_URL: z.url().default('https://rest.fal.ai').meta({ description: 'fal.ai’s file storage' }),
  FAL_POLL_MS: z.coerce.number().min(10).default(2_000).meta({ description: 'pause between questions for a job' }),
  FAL_TIMEOUT_MS: z.coerce
    .number()
    .min(1_000)
    .default(900_000)
    .meta({ description: 'time limit of a job, waiting in the queue included' }),
}

const variables = z.object(falVariables)
export type FalSettings = z.output<typeof variables>

const Submitted = z.object({
  request_id: z.string().min(1),
  status_url: z.url(),
  response_url: z.url(),
  cancel_url: z.url(),
})
const Status = z.object({ status: z.string() })
const Initiated = z.object({ upload_url: z.url(), file_url: z.url() })

export interface FalJob<Schema extends z.ZodType> {
  /** `owner/alias/path`. */
  readonly model: string
  readonly input: Readonly<Record<string, unknown>>
  readonly output: Schema
  /**
   * The record that makes the submit happen once: `submissionPath`. Removed when the job came to nothing; of a completed job the
   * caller removes it (`forgetSubmission`) as soon as the result is safe.
   */
  readonly recordPath: string
  readonly signal: AbortSignal
}

/**
 * Runs a model through fal.ai's queue: submits once, asks until it has ended, and gives its checked output. After an abort the
 * job runs on, and the next attempt takes it up.
 *
 * @throws ProviderRejected when the model refused or failed; ProviderUnavailable when it took too long or is not known any more
 */
export async function runOnFal<Schema extends z.ZodType>(
  http: Http,
  settings: FalSettings,
  job: FalJob<Schema>,
): Promise<z.output<Schema>> {
  const { signal, recordPath } = job
  const headers = authorization(settings)
  const queue = settings.FAL_QUEUE_URL.replace(/\/+$/, '')
  const urls = await submitOnce(recordPath, 'fal', Submitted, () =>
    http.json(`${queue}/${job.model}`, Submitted, { method: 'POST', headers, json: job.input, signal }),
  )
  // The key goes only where the configuration says, whatever an answer says.
  for (const url of [urls.status_url, urls.response_url, urls.cancel_url]) assertSameOrigin(url, queue)
  const isDone = await orForget(recordPath, () =>
    poll(
      async () =>
        (await http.json(urls.status_url, Status, { headers, signal })).status === 'COMPLETED' ? true : null,
      { intervalMs: settings.FAL_POLL_MS, timeoutMs: settings.FAL_TIMEOUT_MS, signal },
    ),
  )
  // COMPLETED says only that it ended: whether well, the result says.
  if (isDone) return orForget(recordPath, () => http.json(urls.response_url, job.output, { headers, signal }))
  await http.request(urls.cancel_url, { method: 'PUT', headers, retries: 0, signal }).catch(() => undefined)
  signal.throwIfAborted()
  await forgetSubmission(recordPath)
  throw new ProviderUnavailable('fal', `the job was not done within ${settings.FAL_TIMEOUT_MS / 1_000} s`)
}

/** Removes the record when the service says that there is nothing more to come: a refusal, an unknown job, a model that broke. */
async function orForget<T>(recordPath: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    const status = error instanceof AppError ? error.details.status : null
    if (error instanceof ProviderRejected || status === 500) await forgetSubmission(recordPath)
    if (status !== 404) throw error
    throw new ProviderUnavailable('fal', 'the job is not known any more: its result expired', { cause: error })
  }
}

/**
 * Fetches a file that a model made. Its address is an answer's, so it is treated like anybody's.
 *
 * @throws ProviderUnavailable when the file expired: the job must be done anew; ProviderRejected when the address is no good
 */
export async function saveFromFal(
  download: Download,
  url: string,
  path: string,
  options: DownloadOptions,
): Promise<void> {
  try {
    await download(url, path, options)
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error
    const { status } = error.details
    if (status === 403 || status === 404 || status === 410) {
      throw new ProviderUnavailable('fal', 'the result expired before it was fetched', {
        cause: error,
        details: { status },
      })
    }
    throw new ProviderRejected('fal', `the result cannot be fetched: ${error.message}`, { cause: error })
  }
}

/**
 * Puts a file where models on fal.ai can read it.
 *
 * @returns a URL that whoever knows it can read
 */
export async function uploadToFal(
  http: Http,
  settings: FalSettings,
  path: string,
  { contentType, signal }: { contentType: string; signal: AbortSignal },
): Promise<string> {
  const storage = settings.FAL_STORAGE_URL.replace(/\/+$/, '')
  const initiated = await http.json(`${storage}/storage/upload/initiate?storage_type=fal-cdn-v3`, Initiated, {
    method: 'POST',
    headers: authorization(settings),
    json: { content_type: contentType, file_name: basename(path) },
    idempotent: true,
    signal,
  })
  // A place for bytes that an answer names: encrypted and authenticated, or the very host of the configuration.
  if (!initiated.upload_url.startsWith('https://')) assertSameOrigin(initiated.upload_url, storage)
  try {
    await http.request(initiated.upload_url, {
      method: 'PUT',
      headers: { 'content-type': contentType },
      body: await openAsBlob(path, { type: contentType }),
      timeoutMs: settings.FAL_TIMEOUT_MS,
      totalMs: settings.FAL_TIMEOUT_MS,
      signal,
    })
  } catch (error) {
    if (!(error instanceof AppError) || error.details.status !== 403) throw error
    throw new ProviderUnavailable('fal', 'the place given for the upload expired', { cause: error })
  }
  return initiated.file_url
}

function authorization(settings: FalSettings): Record<string, string> {
  return { authorization: `Key ${settings.FAL_KEY}` }
}

function assertSameOrigin(url: string, base: string): void {
  const { origin } = new URL(url)
  if (origin !== new URL(base).origin) {
    throw new ProviderRejected('fal', `expected an address at ${new URL(base).host}, got one at ${new URL(url).host}`)
  }
}
