import { z } from 'zod'
import { AppError, ProviderRejected, ProviderUnavailable } from '../errors.ts'
import type { Http } from './http.ts'
import { poll } from './poll.ts'
import { redact } from './redact.ts'
import { forgetSubmission, submitOnce } from './submission.ts'

/** The variables of every provider that runs on a RunPod serverless endpoint. */
export const runpodVariables = {
  RUNPOD_API_KEY: z.string().meta({ description: 'key for RunPod', isSecret: true }),
  RUNPOD_URL: z.url().default('https://api.runpod.ai/v2').meta({ description: 'RunPod’s serverless API' }),
  RUNPOD_POLL_MS: z.coerce.number().min(10).default(3_000).meta({ description: 'pause between questions for a job' }),
  RUNPOD_TIMEOUT_MS: z.coerce
    .number()
    .min(1_000)
    .default(1_800_000)
    .meta({ description: 'time limit of a job, waiting in the queue included' }),
}

const variables = z.object(runpodVariables)
export type RunpodSettings = z.output<typeof variables>

const Submitted = z.object({ id: z.string().regex(/^[\w-]+$/) })
const Status = z.object({ status: z.string(), output: z.unknown().optional(), error: z.unknown().optional() })

export interface RunpodJob {
  readonly endpointId: string
  readonly input: Readonly<Record<string, unknown>>
  /**
   * The record that makes the submit happen once: `submissionPath`. Removed when the job came to nothing; of a completed job the
   * caller removes it (`forgetSubmission`), as soon as the result is safe: until then the next attempt asks for it again.
   */
  readonly recordPath: string
  /** Told once when the job waits in the queue, and once when it runs. */
  readonly onState: (state: 'queued' | 'running') => void
  readonly signal: AbortSignal
}

/**
 * Runs a job on a RunPod endpoint: submits it once, asks until it has ended, and gives its output. After an abort the job runs
 * on, and the next attempt takes it up; RunPod itself ends it at the time limit.
 *
 * @throws ProviderRejected when the job failed; ProviderUnavailable when it was canceled, timed out or is not known any more
 */
export async function runOnRunpod(http: Http, settings: RunpodSettings, job: RunpodJob): Promise<unknown> {
  const base = `${settings.RUNPOD_URL.replace(/\/+$/, '')}/${encodeURIComponent(job.endpointId)}`
  const headers = { authorization: `Bearer ${settings.RUNPOD_API_KEY}` }
  const { signal, recordPath } = job
  const timeoutMs = settings.RUNPOD_TIMEOUT_MS
  const policy = { executionTimeout: Math.max(timeoutMs, 5_000), ttl: Math.max(timeoutMs, 10_000) }
  const { id } = await submitOnce(recordPath, 'runpod', Submitted, () =>
    http.json(`${base}/run`, Submitted, { method: 'POST', headers, json: { input: job.input, policy }, signal }),
  )

  let told: string | null = null
  const tell = (state: 'queued' | 'running') => {
    if (told !== state) job.onState(state)
    told = state
  }
  const check = async () => {
    const answer = await readStatus(http, `${base}/status/${id}`, headers, signal)
    if (answer === null || ['COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT'].includes(answer.status)) return { answer }
    // Names not known here are taken for “still running” until our own time limit.
    tell(answer.status === 'IN_QUEUE' ? 'queued' : 'running')
    return null
  }
  const ended = await poll(check, { intervalMs: settings.RUNPOD_POLL_MS, timeoutMs, signal })
  if (ended === null) {
    // Whether or not the cancel arrives: the job's own policy ends it.
    await http.request(`${base}/cancel/${id}`, { method: 'POST', headers, retries: 0, signal }).catch(() => undefined)
    signal.throwIfAborted()
  }
  if (ended?.answer?.status !== 'COMPLETED') await forgetSubmission(recordPath)
  return outputOf(ended?.answer, ended === null, timeoutMs)
}

async function readStatus(http: Http, url: string, headers: Record<string, string>, signal: AbortSignal) {
  try {
    return await http.json(url, Status, { headers, signal })
  } catch (error) {
    if (error instanceof AppError && error.details.status === 404) return null
    throw error
  }
}

function outputOf(answer: z.output<typeof Status> | null | undefined, isLate: boolean, timeoutMs: number): unknown {
  if (isLate) throw new ProviderUnavailable('runpod', `the job was not done within ${timeoutMs / 1_000} s`)
  if (!answer) throw new ProviderUnavailable('runpod', 'the job is not known any more: its result expired')
  if (answer.status === 'COMPLETED') return answer.output
  if (answer.status === 'FAILED') {
    const reason = typeof answer.error === 'string' ? answer.error : JSON.stringify(answer.error ?? 'no reason given')
    throw new ProviderRejected('runpod', `the job failed: ${redact(reason).replace(/\s+/g, ' ').slice(-300)}`)
  }
  throw new ProviderUnavailable('runpod', `the job ended as ${answer.status.toLowerCase().replace('_', ' ')}`)
}
