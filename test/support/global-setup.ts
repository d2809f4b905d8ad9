import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureTemplate } from './template.ts'
import { joinTestServer } from './test-server.ts'

/**
 * For vitest's `globalSetup`: keeps the shared test server running from before the first test file to after the last, with the
 * template built, and gives all tests one temporary folder, which is gone when they end.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'refrain-tests-'))
  // Root's PostgreSQL runs as somebody else, who has to get in.
  await chmod(folder, 0o755)
  process.env.TMPDIR = folder
  const server = await joinTestServer()
  await ensureTemplate(server)
  return async () => {
    await server.leave()
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}
