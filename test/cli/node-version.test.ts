import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkout } from '../support/test-server.ts'

/** Loads the guard under a Node that gives itself out as another version. */
const loadedBy = (version: string) =>
  new Promise<{ exitCode: number; stderr: string }>((resolve) => {
    const program = `Object.defineProperty(process.versions, 'node', { value: ${JSON.stringify(version)} });
      require(${JSON.stringify(join(checkout, 'cli', 'node-version.cjs'))})`
    const child = execFile(process.execPath, ['--eval', program], (_error, _stdout, stderr) =>
      resolve({ exitCode: child.exitCode ?? -1, stderr }),
    )
  })

test('a Node that cannot run TypeScript says which one is needed', async () => {
  const [old, before, early, exact, odd, now] = await Promise.all(
    ['18.20.8', '22.17.1', '23.5.0', '22.18.0', '23.6.0', '24.0.0'].map(loadedBy),
  )
  for (const refused of [old, before, early]) expect(refused.exitCode).toBe(1)
  expect(old.stderr).toMatch(/^Refrain needs Node 22\.18 or newer, this is 18\.20\.8 \(.+\)\.\n.*npm ci.*\n$/)
  for (const accepted of [exact, odd, now]) expect(accepted).toEqual({ exitCode: 0, stderr: '' })
})

test('the command refrain loads the guard first, then runs as ever', async () => {
  const { exitCode, stdout } = await new Promise<{ exitCode: number; stdout: string }>((resolve) => {
    const child = execFile(process.execPath, [join(checkout, 'cli', 'refrain.cjs'), 'help'], (_error, stdout) =>
      resolve({ exitCode: child.exitCode ?? -1, stdout }),
    )
  })
  expect(exitCode).toBe(0)
  expect(stdout).toContain('refrain submit SONG')
})
