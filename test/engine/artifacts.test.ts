import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { Artifact } from '../../worker/engine/artifact.ts'
import type { Context } from '../../worker/engine/context.ts'
import { definePipeline, stagesOf } from '../../worker/engine/define.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

const Files = z.object({ files: z.array(Artifact) })
let behave: (context: Context<object>) => Promise<z.output<typeof Files>> = async () => ({ files: [] })
let isRefused = false
const stage = stagesOf<object>('toy')
const make = stage({
  name: 'make',
  description: 'makes files',
  output: Files,
  attempts: 1,
  run: async (_inputs, context) => await behave(context),
  record: async () => {
    if (isRefused) throw new Error('the row was refused')
  },
})
const read = stage({
  name: 'read',
  description: 'reads them',
  after: [make],
  output: z.object({ texts: z.array(z.string()) }),
  run: async ({ make }, { open }) => ({
    texts: await Promise.all(make.files.map(async (file) => await readFile(await open(file), 'utf8'))),
  }),
})
const toy = definePipeline({ name: 'toy', description: 'a toy', stages: [make, read], loadSubject: async () => ({}) })

let engine: TestEngine
beforeEach(async () => {
  isRefused = false
  engine = await createTestEngine([toy])
})
afterEach(() => engine.close())

async function keepText({ keep, workspacePath }: Context<object>, name: string, text: string) {
  const path = join(workspacePath, `out ${name}`)
  await writeFile(path, text)
  return await keep(path, { name, contentType: 'text/plain' })
}
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const row = (name: string) =>
  engine.until<{ status: string; output: unknown; error_message: string }>(
    "select * from tasks where stage = $1 and status not in ('pending', 'running')",
    [name],
  )

test('kept files belong to their task, lie under their hash, and later stages read them', async () => {
  behave = async (context) => ({
    files: [await keepText(context, 'a.txt', 'la'), await keepText(context, 'b.txt', 'lala')],
  })
  await engine.add('toy')
  await engine.startWorker()
  expect((await row('read')).output).toEqual({ texts: ['la', 'lala'] })
  expect(
    await engine.query(
      `select t.stage, a.name, a.sha256, f.size_bytes, f.content_type
       from task_artifacts a join tasks t on t.id = a.task_id join artifacts f using (sha256) order by a.name`,
    ),
  ).toEqual([
    { stage: 'make', name: 'a.txt', sha256: sha256('la'), size_bytes: 2, content_type: 'text/plain' },
    { stage: 'make', name: 'b.txt', sha256: sha256('lala'), size_bytes: 4, content_type: 'text/plain' },
  ])
  expect(await readFile(engine.artifacts.pathOf(sha256('la')), 'utf8')).toBe('la')
})

test('when the record is refused the task fails with the reason, and no row of its files stays', async () => {
  isRefused = true
  behave = async (context) => ({ files: [await keepText(context, 'a.txt', 'la')] })
  await engine.add('toy')
  await engine.startWorker()
  const failed = await row('make')
  expect(failed).toMatchObject({ status: 'failed', error_message: 'the row was refused' })
  expect(await engine.query('select from artifacts')).toEqual([])
  expect(await engine.query('select from task_artifacts')).toEqual([])
  expect(await engine.query("select from tasks where stage = 'read'")).toEqual([])
})

test('two files of one name are refused', async () => {
  behave = async (context) => ({
    files: [await keepText(context, 'a.txt', 'la'), await keepText(context, 'a.txt', 'lala')],
  })
  await engine.add('toy')
  await engine.startWorker()
  expect((await row('make')).error_message).toBe('stage make keeps two files named a.txt: give each its own name')
})

test('two keeps of the same content are one file under two names', async () => {
  behave = async (context) => ({
    files: [await keepText(context, 'a.txt', 'la'), await keepText(context, 'b.txt', 'la')],
  })
  await engine.add('toy', 8)
  await engine.startWorker()
  await engine.untilIdle('toy')
  expect(await engine.query('select status, count(*) as n from tasks group by 1')).toEqual([
    { status: 'completed', n: 16 },
  ])
  expect(await engine.query('select sha256 from artifacts')).toEqual([{ sha256: sha256('la') }])
  expect(await engine.query('select from task_artifacts')).toHaveLength(16)
})

test('a stored file that is gone is asked for with words', async () => {
  const ghost = { sha256: sha256('ghost'), sizeBytes: 1, contentType: 'text/plain', name: 'ghost' }
  behave = async () => ({ files: [ghost] })
  await engine.add('toy')
  await engine.startWorker()
  expect((await row('read')).error_message).toBe(
    `artifact ${ghost.sha256} is not in the store: run the stage that makes it again`,
  )
})

test('a re-run that makes other files replaces what belongs to the task', async () => {
  behave = async (context) => ({ files: [await keepText(context, 'old.txt', 'la')] })
  const [id] = await engine.add('toy')
  await engine.startWorker()
  await row('read')
  behave = async (context) => ({ files: [await keepText(context, 'new.txt', 'lala')] })
  await engine.query("select rerun_stage('toy', $1, 'make')", [id])
  await engine.until('select 1 from tasks where stage = \'read\' and output = \'{"texts": ["lala"]}\'')
  expect(await engine.query('select name from task_artifacts')).toEqual([{ name: 'new.txt' }])
})

test('a sweep removes old files nobody knows and abandoned temporary files, and nothing else', async () => {
  const { artifacts, client, folder } = engine
  await mkdir(join(folder, 'from'))
  const put = async (text: string, isOld: boolean) => {
    const path = join(folder, 'from', text)
    await writeFile(path, text)
    const kept = await artifacts.keep(path)
    if (isOld) await age(artifacts.pathOf(kept.sha256))
    return kept.sha256
  }
  const age = (path: string) => utimes(path, new Date(0), new Date(0))
  const known = await put('known', true)
  await engine.query("insert into artifacts (sha256, size_bytes, content_type) values ($1, 5, 'text/plain')", [known])
  const unknown = await put('unknown', true)
  const young = await put('young', false)
  const abandoned = await artifacts.temporaryPath()
  await writeFile(abandoned, 'half')
  await age(abandoned)
  const fresh = await artifacts.temporaryPath()
  await writeFile(fresh, 'half')
  expect(await artifacts.sweep(client.pool, 60_000)).toBe(2)
  expect(await Promise.all([known, unknown, young].map((hash) => artifacts.has(hash)))).toEqual([true, false, true])
  await expect(stat(abandoned)).rejects.toThrow(/ENOENT/)
  await stat(fresh)
})

test('content that is kept again is young again, so that no sweep takes it before its row is written', async () => {
  const { artifacts, client, folder } = engine
  const path = join(folder, 'again')
  await writeFile(path, 'again')
  const { sha256: hash } = await artifacts.keep(path)
  await utimes(artifacts.pathOf(hash), new Date(0), new Date(0))
  await writeFile(path, 'again')
  await artifacts.keep(path)
  await expect(stat(path)).rejects.toThrow(/ENOENT/)
  expect(await artifacts.sweep(client.pool, 60_000)).toBe(0)
  expect(await artifacts.has(hash)).toBe(true)
})

test('an aborted keep leaves nothing behind, and a hash is checked before it becomes a path', async () => {
  const { artifacts, folder } = engine
  const path = join(folder, 'never')
  await writeFile(path, 'never')
  await expect(artifacts.keep(path, AbortSignal.abort(new Error('stop')))).rejects.toThrow()
  expect(await readdir(join(folder, 'artifacts')).catch(() => [])).toEqual([])
  expect(() => artifacts.pathOf('../../etc/passwd')).toThrow(/expected a SHA-256/)
})
