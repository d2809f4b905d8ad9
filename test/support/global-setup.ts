import { ensureTemplate } from './template.ts'
import { joinTestServer } from './test-server.ts'

/**
 * For vitest's `globalSetup`: keeps the shared test server running from before the first test file to after the last,
 * with the template built.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const server = await joinTestServer()
  await ensureTemplate(server)
  return () => server.leave()
}
