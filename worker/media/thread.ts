import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { AppError, type ErrorKind } from '../errors.ts'
import type { OnProgress } from '../progress.ts'

type Message<Out> =
  | { kind: 'progress'; fraction: number; text: string | undefined }
  | { kind: 'done'; value: Out }
  | { kind: 'failed'; name: string; message: string; stack: string | undefined; app: SerializedAppError | null }

interface SerializedAppError {
  kind: ErrorKind
  retryable: boolean
  details: Record<string, unknown>
}

/** How long a thread may take to end its children after an abort before it is terminated. */
const ABORT_GRACE_MS = 2_000

/**
 * Runs a module in a worker thread, so that arithmetic on samples never holds up the event loop.
 * The module calls `serveThread`. `input` and the result are structured clones; an abort reaches the thread's own signal first
 * (so that it can end its child processes) and terminates the thread after two seconds.
 *
 * @throws what the thread threw, with its kind kept; `signal.reason` after an abort
 */
export async function runThread<In, Out>(
  module: URL,
  input: In,
  options: { onProgress: OnProgress; signal: AbortSignal },
): Promise<Out> {
  const { onProgress, signal } = options
  signal.throwIfAborted()
  const worker = new Worker(module, { workerData: { refrainThread: true, input } })
  let killer: NodeJS.Timeout | undefined
  const onAbort = () => {
    worker.postMessage('abort')
    killer = setTimeout(() => void worker.terminate(), ABORT_GRACE_MS)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await new Promise<Out>((resolve, reject) => {
      worker.on('message', (message: Message<Out>) => {
        if (message.kind === 'progress') onProgress(message.fraction, message.text)
        else if (message.kind === 'done') resolve(message.value)
        else reject(signal.aborted ? signal.reason : revive(message))
      })
      worker.on('error', (error) => reject(signal.aborted ? signal.reason : error))
      worker.on('exit', (code) =>
        reject(signal.aborted ? signal.reason : new Error(`worker thread ended early with code ${code}`)),
      )
    })
  } finally {
    signal.removeEventListener('abort', onAbort)
    clearTimeout(killer)
    await worker.terminate()
  }
}

/** The far side of `runThread`: runs `work` once with the given input. Does nothing when the module is imported elsewhere. */
export function serveThread<In, Out>(
  work: (input: In, options: { onProgress: OnProgress; signal: AbortSignal }) => Promise<Out>,
): void {
  if (isMainThread || !parentPort || !workerData?.refrainThread) return
  const port = parentPort
  const controller = new AbortController()
  port.on('message', (message) => {
    if (message === 'abort') controller.abort()
  })
  const onProgress: OnProgress = (fraction, text) => port.postMessage({ kind: 'progress', fraction, text })
  work(workerData.input as In, { onProgress, signal: controller.signal })
    .then(
      (value) => port.postMessage({ kind: 'done', value }),
      (error: unknown) => port.postMessage(describe(error)),
    )
    .finally(() => port.close())
}

function describe(error: unknown): Message<never> {
  const from = error instanceof Error ? error : new Error(String(error))
  return {
    kind: 'failed',
    name: from.name,
    message: from.message,
    stack: from.stack,
    app:
      error instanceof AppError
        ? { kind: error.kind, retryable: error.retryable, details: { ...error.details } }
        : null,
  }
}

function revive(message: Extract<Message<never>, { kind: 'failed' }>): Error {
  const error = message.app
    ? new AppError(message.app.kind, message.message, {
        retryable: message.app.retryable,
        details: message.app.details,
      })
    : new Error(message.message)
  error.name = message.name
  if (message.stack) error.stack = message.stack
  return error
}
