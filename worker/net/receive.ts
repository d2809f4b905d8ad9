import { createHash, randomUUID } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import type { OnProgress } from '../progress.ts'

export interface ReceiveOptions {
  readonly maxBytes: number
  /** The size the sender announced, or null when it did not. A body of another size is an error. */
  readonly expectedBytes: number | null
  readonly onProgress?: OnProgress | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Received {
  readonly sizeBytes: number
  /** SHA-256 of the bytes, lower-case hex. */
  readonly sha256: string
}

/** Why a body could not be taken; the caller knows who sent it and turns this into an error for people. */
export class BodyFault extends Error {
  readonly fault: 'too large' | 'truncated' | 'empty'
  constructor(fault: 'too large' | 'truncated' | 'empty', message: string) {
    super(message)
    this.fault = fault
  }
}

/**
 * Streams a body into a file while hashing it. The file appears under its name only when whole; nothing is left behind
 * otherwise. Memory stays at one chunk.
 *
 * @throws BodyFault when the body is empty, passes `maxBytes`, or its size is not `expectedBytes`; `signal.reason`; what the body throws
 */
export async function receive(
  body: AsyncIterable<Uint8Array>,
  path: string,
  options: ReceiveOptions,
): Promise<Received> {
  const { maxBytes, expectedBytes, onProgress, signal } = options
  if (expectedBytes !== null) assertFits(expectedBytes, maxBytes)
  const partPath = `${path}.${randomUUID()}.part`
  const hash = createHash('sha256')
  let sizeBytes = 0
  const file = await open(partPath, 'wx')
  try {
    try {
      for await (const chunk of body) {
        signal?.throwIfAborted()
        sizeBytes += chunk.byteLength
        assertFits(sizeBytes, maxBytes)
        hash.update(chunk)
        await file.writeFile(chunk)
        if (expectedBytes) onProgress?.(Math.min(sizeBytes / expectedBytes, 1))
      }
    } finally {
      await file.close()
    }
    signal?.throwIfAborted()
    if (expectedBytes !== null && sizeBytes !== expectedBytes) {
      throw new BodyFault('truncated', `expected ${expectedBytes} bytes, got ${sizeBytes}`)
    }
    if (sizeBytes === 0) throw new BodyFault('empty', 'expected a file, got nothing')
    await rename(partPath, path)
  } catch (error) {
    await rm(partPath, { force: true })
    throw error
  }
  return { sizeBytes, sha256: hash.digest('hex') }
}

function assertFits(sizeBytes: number, maxBytes: number): void {
  if (sizeBytes > maxBytes) throw new BodyFault('too large', `expected at most ${maxBytes} bytes, got more`)
}

/** A `content-length` header as a number of bytes, or null when it is absent or not one. */
export function parseContentLength(header: string | null | undefined): number | null {
  return header && /^\d{1,15}$/.test(header) ? Number(header) : null
}
