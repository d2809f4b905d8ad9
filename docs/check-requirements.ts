import { readFile } from 'node:fs/promises'

/**
 * Checks `docs/requirements.md`: every row names a test file and a test that exists in it. Rows look like
 * `| CODE | requirement | test/file.test.ts: name of the test |`; several tests are separated by `<br>`.
 */
const root = new URL('../', import.meta.url)
const text = await readFile(new URL('docs/requirements.md', root), 'utf8')
const sources = new Map<string, Promise<string>>()
const faults: string[] = []
const codes = new Set<string>()

for (const line of text.split('\n')) {
  const row = /^\| ([A-Z]{2}-\d{3}) \| (.+?) \| (.+?) \|$/.exec(line)
  if (!row) continue
  const [, code, , tests] = row
  if (codes.has(code)) faults.push(`${code} is listed twice`)
  codes.add(code)
  for (const reference of tests.split('<br>')) {
    const named = /^`?(test\/[\w./-]+\.test\.ts)`?: (.+)$/.exec(reference.trim())
    if (!named) faults.push(`${code}: expected "test/….test.ts: name of the test", got "${reference}"`)
    else if (!(await hasTest(named[1], named[2]))) faults.push(`${code}: ${named[1]} has no test named "${named[2]}"`)
  }
}
if (codes.size === 0) faults.push('docs/requirements.md lists no requirement')
for (const fault of faults) process.stderr.write(`${fault}\n`)
process.stdout.write(`${codes.size} requirements, ${faults.length} faults\n`)
if (faults.length > 0) process.exitCode = 1

async function hasTest(path: string, name: string): Promise<boolean> {
  if (!sources.has(path))
    sources.set(
      path,
      readFile(new URL(path, root), 'utf8').catch(() => ''),
    )
  const source = (await sources.get(path)) ?? ''
  // As written in the file: quotes inside the name may be escaped.
  return [name, name.replaceAll("'", "\\'"), name.replaceAll('"', '\\"')].some(
    (form) => source.includes(`${form}'`) || source.includes(`${form}"`) || source.includes(`${form}\``),
  )
}
