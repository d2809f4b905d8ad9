import { copyFile, open, stat, truncate } from 'node:fs/promises'

const maximumBytes = 10 * 1024 * 1024
const checkEveryMs = 5 * 60 * 1000

/** Moves a log that has grown beyond 10 MB to `<path>.1`, replacing the one before. */
export async function limitLogFile(path: string): Promise<void> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0
  if (size <= maximumBytes) return
  // The server keeps the file open for appending, so it is emptied in place and not renamed.
  await copyFile(path, `${path}.1`)
  await truncate(path)
}

/** Keeps the log limited until the returned function is called; does not keep the process alive. */
export function keepLogFileLimited(path: string): () => void {
  // A full disk must not end the supervisor; the next turn tries again.
  const timer = setInterval(() => limitLogFile(path).catch(() => undefined), checkEveryMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** The text written to the log after `startByte`, at most its last 10 kB. */
export async function readLogSince(path: string, startByte: number): Promise<string> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const start = Math.max(Math.min(startByte, size), size - 10_000)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
