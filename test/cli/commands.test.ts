import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createPrograms, type Ending, type Program } from './program.ts'
import { conditions, LONG_REASON, startSmallServer } from './small-track.ts'

// Every command is a process of its own.
vi.setConfig({ testTimeout: 120_000 })

const programs = createPrograms()
let server: Awaited<ReturnType<typeof startSmallServer>>
let folder: string

beforeAll(async () => {
  server = await startSmallServer()
  folder = await programs.makeFolder()
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'song.wav'), 'as good as sound')
  await writeFile(join(folder, 'lyrics.txt'), '\ufeffla la la\r\nla')
  await writeFile(join(folder, 'unsingable.txt'), 'unsingable')
})
beforeEach(() => Object.assign(conditions, { isMended: false, mayRender: true }))
afterAll(async () => {
  await programs.clean()
  await server?.close()
})

const start = (...args: string[]): Program => programs.run('main.ts', args, { REFRAIN_URL: server.url })
const refrain = (...args: string[]): Promise<Ending> => start(...args).ended
const inFolder = (name: string) => join(folder, name)

async function submit(title: string, lyrics = 'lyrics.txt'): Promise<string> {
  const args = [inFolder('song.wav'), ...(lyrics ? [inFolder(lyrics)] : [])]
  const { stdout, exitCode, stderr } = await refrain('submit', ...args, '--title', title)
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  return stdout.trim()
}

/** Runs a worker until nothing is left to do. */
async function work(): Promise<void> {
  const worker = await server.engine.startWorker()
  await server.engine.untilIdle('track')
  await worker.stop()
}

const tracksCalled = async (title: string) =>
  (await server.engine.query<{ n: number }>('select count(*)::int as n from tracks where title = $1', [title]))[0].n

test('wrong usage ends with 2 and says what is right', async () => {
  const [nothing, help, unknown, option, missing, surplus, number, address, stage, selection] = await Promise.all([
    refrain(),
    refrain('help'),
    refrain('sumbit', 'song.mp3'),
    refrain('tasks', '--stauts', 'pending'),
    refrain('status'),
    refrain('status', '1', '2'),
    refrain('tracks', '--limit', '0'),
    refrain('tracks', '--url', 'localhost:4000'),
    refrain('run', 'algin', '--limit', '1'),
    refrain('run', 'align'),
  ])
  expect([nothing.exitCode, help.exitCode]).toEqual([2, 0])
  expect(help.stdout).toBe(nothing.stdout)
  for (const line of help.stdout.split('\n')) expect(line.length).toBeLessThan(130)
  expect(unknown).toMatchObject({ exitCode: 2, stdout: '' })
  expect(unknown.stderr).toMatch(/there is no command sumbit[\s\S]*refrain submit SONG/)
  for (const { exitCode, stdout } of [option, missing, surplus, number, address, stage, selection])
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  expect(option.stderr).toMatch(/--stauts[\s\S]*Usage: refrain tasks/)
  expect(missing.stderr).toMatch(/expected a track[\s\S]*Usage: refrain status TRACK/)
  expect(surplus.stderr).toContain('did not expect 2')
  expect(number.stderr).toContain('a whole number from 1 to 100, got "0"')
  expect(address.stderr).toContain('http://127.0.0.1:4000, got localhost:4000')
  expect(stage.stderr).toContain('there is no stage algin, only download, align, render')
  expect(selection.stderr).toContain('expected --track TRACK or --limit N')
})

test('without a server every command ends with 1 and says how to start one', async () => {
  const [plain, json] = await Promise.all([
    refrain('backlog', '--url', 'http://127.0.0.1:1'),
    refrain('backlog', '--json', '--url', 'http://127.0.0.1:1/graphql'),
  ])
  expect(plain).toMatchObject({ exitCode: 1, stdout: '' })
  expect(plain.stderr).toMatch(/^refrain: .*no answer from http:\/\/127\.0\.0\.1:1: start it with `npm start`.*\n$/)
  expect(json).toMatchObject({ exitCode: 1, stdout: '' })
  expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'PROVIDER_UNAVAILABLE' } })
})

test('a submission that cannot work is refused before anything is sent', async () => {
  await writeFile(inFolder('empty.wav'), '')
  await writeFile(inFolder('empty.txt'), ' \n')
  await writeFile(inFolder('binary.txt'), Buffer.from([0xff, 0xfb, 0x90, 0x00, 0xe9]))
  const wav = inFolder('song.wav')
  const cases: [string[], RegExp][] = [
    [[inFolder('missing.wav')], /there is no file .*missing\.wav/],
    [[folder], /there is no file/],
    [[inFolder('empty.wav')], /empty\.wav is empty/],
    [[wav, inFolder('missing.txt')], /there is no file .*missing\.txt/],
    [[wav, inFolder('empty.txt')], /empty\.txt is empty: leave it out/],
    [[wav, inFolder('binary.txt')], /UTF-8 or UTF-16, .*binary\.txt holds something else/],
  ]
  const endings = await Promise.all(cases.map(([args]) => refrain('submit', ...args, '--title', 'Refused')))
  for (const [at, { exitCode, stdout, stderr }] of endings.entries()) {
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
    expect(stderr).toMatch(cases[at][1])
  }
  expect(await tracksCalled('Refused')).toBe(0)
})

test('file names with quotes, emoji, line breaks and dots are taken, and shown on one line', async () => {
  const names = [`it's "mine" & $(yours) 🎤.wav`, 'two\nlines\u001b[31m.wav', '..dots.wav', '-dash.wav']
  const titles = [`it's "mine" & $(yours) 🎤`, 'two lines [31m', '..dots', 'dash']
  await mkdir(inFolder('sub'))
  for (const name of names) await writeFile(inFolder(name), name)
  const endings = await Promise.all(names.map((name) => refrain('submit', join(folder, 'sub', '..', name))))
  for (const [at, { exitCode, stdout, stderr }] of endings.entries()) {
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(/^Track:\d+\n$/)
    expect(await tracksCalled(titles[at])).toBe(1)
  }
  const again = await refrain('submit', inFolder(names[0]), '--json')
  expect(JSON.parse(again.stdout)).toEqual({ trackId: endings[0].stdout.trim() })
  const listed = await refrain('tracks', '--limit', '4')
  const lines = listed.stdout.trimEnd().split('\n')
  expect(lines).toHaveLength(5)
  for (const title of titles) expect(lines.filter((line) => line.endsWith(`  ${title}`))).toHaveLength(1)
  expect(lines[4]).toMatch(/upload at pending/)
  await Promise.all(endings.map(({ stdout }) => refrain('cancel', stdout.trim())))
})

test('a song is followed to its end in plain lines, each said once', async () => {
  const worker = await server.engine.startWorker()
  const [plain, json] = await Promise.all([
    refrain('submit', inFolder('song.wav'), '--title', 'Followed', '--follow'),
    refrain('submit', inFolder('song.wav'), inFolder('lyrics.txt'), '--title', 'Sung', '--follow', '--json'),
  ])
  await worker.stop()
  expect(plain).toMatchObject({ exitCode: 0, stderr: '' })
  const lines = plain.stdout.trimEnd().split('\n')
  expect(new Set(lines).size).toBe(lines.length)
  expect(lines).toContain(`align: skipped (${LONG_REASON})`)
  expect(lines.filter((line) => /^(download|render): completed in \d+\.\d s$/.test(line))).toHaveLength(2)
  expect(lines.at(-1)).toBe('2 succeeded, 0 failed, 1 skipped')
  expect(plain.stdout).not.toContain('\u001b')
  expect(json.exitCode).toBe(0)
  expect(JSON.parse(json.stdout)).toMatchObject({
    title: 'Sung',
    stage: 'READY',
    tasks: [{ status: 'COMPLETED' }, { status: 'COMPLETED' }, { status: 'COMPLETED' }],
  })
  expect(json.stderr).toContain('render: completed')
})

test('a failure is explained, listed, retried by task, track and stage, and gone when mended', async () => {
  const ids = await Promise.all(['First', 'Second', 'Third'].map((title) => submit(title, 'unsingable.txt')))
  await work()
  const [followed, state, failed, failedJson] = await Promise.all([
    refrain('follow', ids[0]),
    refrain('status', ids[0].replace('Track:', '')),
    refrain('tasks', '--status', 'failed', '--type', 'align'),
    refrain('tasks', '--track', ids[0], '--status', 'failed,canceled', '--json'),
  ])
  const task = JSON.parse(failedJson.stdout)[0].id as string
  expect(followed.exitCode).toBe(1)
  expect(followed.stdout).toContain(`got "unsingable" (refrain retry ${task})`)
  expect(followed.stdout.trimEnd().split('\n').at(-1)).toBe('1 succeeded, 1 failed, 0 skipped')
  expect(state).toMatchObject({ exitCode: 0 })
  expect(state.stdout).toMatch(
    /First {2}audio_ready\n {2}download +completed[\s\S]*align +failed +\d.*can be sung, got/,
  )
  expect(failed.stdout.trimEnd().split('\n')).toHaveLength(4)
  expect(failed.stdout).toMatch(/3 tasks\n$/)
  expect(JSON.parse(failedJson.stdout)).toMatchObject([{ type: 'ALIGN', status: 'FAILED', track: { id: ids[0] } }])

  conditions.isMended = true
  const answers = await Promise.all([
    refrain('retry', task),
    refrain('retry', '--track', ids[1], '--json'),
    refrain('retry', 'Task:999999'),
    refrain('retry', '--type', 'nonsense'),
    refrain('retry'),
  ])
  expect(answers.map(({ exitCode }) => exitCode)).toEqual([0, 0, 1, 1, 2])
  expect(answers[0].stdout).toBe('1 task retried\n')
  expect(JSON.parse(answers[1].stdout)).toEqual({ retried: 1 })
  expect(answers[2].stderr).toMatch(/999999/)
  expect(answers[3].stderr).toMatch(/NONSENSE/)
  expect((await refrain('retry', '--type', 'align')).stdout).toBe('1 task retried\n')
  await work()
  const after = await Promise.all(ids.map((id) => refrain('follow', id)))
  expect(after.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0])
  expect((await refrain('tasks', '--status', 'failed')).stdout).toBe('0 tasks\n')
})

test('fifty songs stand in the backlog before any worker runs, and drain when one does', async () => {
  await server.engine.query(
    `insert into tracks (title, source_type, source)
     select 'Waiting ' || n, 'url', '{"kind": "url", "url": "https://example.org/a.mp3"}' from generate_series(1, 50) n`,
  )
  const [listed, json, backlog, plainBacklog] = await Promise.all([
    refrain('tasks', '--status', 'pending', '--limit', '100'),
    refrain('tasks', '--status', 'pending', '--type', 'download', '--limit', '100', '--json'),
    refrain('backlog', '--json'),
    refrain('backlog'),
  ])
  expect(listed.stdout).toMatch(/50 tasks\n$/)
  expect(listed.stdout.split('\n')[0]).toMatch(
    /^Task:\d+ +Track:\d+ +download +pending +0\/3 {2}no worker serves the light queue/,
  )
  expect(JSON.parse(json.stdout)).toHaveLength(50)
  expect(JSON.parse(backlog.stdout)).toMatchObject([
    { type: 'DOWNLOAD', pending: 50, running: 0, failed: 0, etaSeconds: expect.any(Number) },
    { type: 'ALIGN', pending: 0 },
    { type: 'RENDER', pending: 0 },
  ])
  expect(plainBacklog.stdout).toMatch(/^stage +pending +running[^\n]*\ndownload +50 +0 +0/)
  await work()
  expect(JSON.parse((await refrain('backlog', '--json')).stdout)).toMatchObject([
    { pending: 0, running: 0 },
    { pending: 0, running: 0 },
    { pending: 0, running: 0 },
  ])
  const done = await server.engine.query("select from tracks where title like 'Waiting %' and stage = 'ready'")
  expect(done).toHaveLength(50)
})

test('canceled work stops, says why, and counts as failed', async () => {
  const id = await submit('Unwanted')
  const canceled = await refrain('cancel', id, '--reason', 'nobody wants it')
  expect(canceled).toMatchObject({ exitCode: 0, stdout: '1 task canceled\n' })
  const [again, followed, unknown] = await Promise.all([
    refrain('cancel', id, '--json'),
    refrain('follow', id),
    refrain('cancel', '999999'),
  ])
  expect(JSON.parse(again.stdout)).toEqual({ canceledTasks: 0 })
  expect(followed.exitCode).toBe(1)
  expect(followed.stdout).toMatch(/download: nobody wants it \(refrain retry Task:\d+\)\n0 succeeded, 1 failed/)
  expect(unknown).toMatchObject({ exitCode: 1, stdout: '' })
  expect(unknown.stderr).toContain('999999')
})

test('a stage is run by hand: for one track, with what stands on it, for all whose task failed', async () => {
  const [ready, broken] = await Promise.all([submit('Ready'), submit('Broken', 'unsingable.txt')])
  await work()
  const [one, blocked, unknown, waiting] = [
    await refrain('run', 'render', '--track', ready),
    await refrain('run', 'render', '--trackId', broken),
    await refrain('run', 'align', '--track', '999999', '--json'),
    await refrain('run', 'RENDER', '--track', ready),
  ]
  expect(one).toMatchObject({ exitCode: 0 })
  expect(one.stdout).toMatch(/^Track:\d+: Task:\d+ goes into the backlog\n1 succeeded, 0 failed\n$/)
  expect(waiting.stdout).toMatch(/waits or runs already\n1 succeeded, 0 failed/)
  expect(blocked.exitCode).toBe(1)
  expect(blocked.stdout).toMatch(/align[^\n]*\n0 succeeded, 1 failed\n$/)
  expect(unknown.exitCode).toBe(1)
  expect(JSON.parse(unknown.stdout)).toEqual([{ trackId: 'Track:999999', error: expect.stringContaining('999999') }])
  await work()
  const rerun = await refrain('run', 'align', '--track', ready, '--dependents')
  expect(rerun).toMatchObject({ exitCode: 0 })
  expect(rerun.stdout).toMatch(/align, render go into the backlog\n1 succeeded/)
  conditions.isMended = true
  const failed = await refrain('run', 'align', '--limit', '10')
  expect(failed.stdout).toMatch(new RegExp(`^${broken}: Task:\\d+ goes into the backlog\n1 succeeded, 0 failed\n$`))
  await work()
  expect((await refrain('run', 'align', '--limit', '10')).stdout).toBe('0 succeeded, 0 failed\n')
  expect((await refrain('follow', broken)).exitCode).toBe(0)
})

test('files are listed and fetched, each under a name of its own, and again only when they differ', async () => {
  const id = await submit('Files')
  await work()
  const out = inFolder('out put')
  const [listed, json, saved] = await Promise.all([
    refrain('files', id),
    refrain('files', id, '--json'),
    refrain('files', id, '--out', out),
  ])
  expect(listed.stdout).toMatch(/^download +0\.00 MB +audio\.flac +http[\s\S]*\n2 files\n$/)
  expect(JSON.parse(json.stdout)).toMatchObject([{ stage: 'download' }, { stage: 'render', sizeBytes: 18 }])
  expect(saved.stdout).toContain(`2 files in ${out}`)
  expect((await readdir(out)).sort()).toEqual(['audio.flac', 'render-audio.flac'])
  expect(await readFile(join(out, 'audio.flac'), 'utf8')).toBe('the sound of Files')
  expect(await readFile(join(out, 'render-audio.flac'), 'utf8')).toBe('the video of Files')
  await writeFile(join(out, 'audio.flac'), 'THE SOUND OF FILES')
  await refrain('files', id, '--out', out)
  expect(await readFile(join(out, 'audio.flac'), 'utf8')).toBe('the sound of Files')
  expect(await refrain('files', '999999')).toMatchObject({ exitCode: 1, stdout: '' })
})

test('segments that await encryption are listed', async () => {
  expect((await refrain('segments')).stdout).toBe('0 segments\n')
  const id = await submit('Segmented')
  await server.engine.query(
    `with kept as (insert into artifacts (sha256, size_bytes, content_type) values (repeat('a', 64), 1, 'audio/flac') returning sha256)
     insert into karaoke_segments (track_id, segment_index, start_ms, end_ms, fal_enhanced_grove_cid)
     select $1, 0, 0, 60000, sha256 from kept`,
    [Number(id.split(':')[1])],
  )
  const [plain, json] = await Promise.all([refrain('segments'), refrain('segments', '--json')])
  expect(plain.stdout).toBe(`${id}  0–60000 ms  Segmented\n1 segment\n`)
  expect(JSON.parse(json.stdout)).toMatchObject([{ startMs: 0, endMs: 60000, track: { id } }])
  await refrain('cancel', id)
})

test('following outlives a restart of the server and misses nothing', async () => {
  conditions.mayRender = false
  const id = await submit('Interrupted')
  const worker = await server.engine.startWorker()
  const followed = start('follow', id)
  await followed.untilSays(/render: running, 50 %/)
  const resume = await server.interrupt()
  conditions.mayRender = true
  await server.engine.untilIdle('track')
  await resume()
  const { exitCode, stdout, stderr } = await followed.ended
  await worker.stop()
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toMatch(/render: completed in [\s\S]*3 succeeded, 0 failed, 0 skipped\n$/)
})

test('following ends at Ctrl-C, and when the track is deleted', async () => {
  const id = await submit('Deleted')
  const [stopped, deleted] = [start('follow', id), start('follow', id)]
  await Promise.all([stopped, deleted].map((program) => program.untilSays(/download: pending/)))
  stopped.kill('SIGINT')
  expect(await stopped.ended).toMatchObject({ exitCode: 130 })
  await server.engine.query('delete from tracks where id = $1', [Number(id.split(':')[1])])
  const ending = await deleted.ended
  expect(ending.exitCode).toBe(1)
  expect(ending.stderr).toContain(`there is no track ${id}`)
})

test('the database is migrated and looked at without a server', async () => {
  const database = { DATABASE_URL: server.engine.url }
  const run = (args: string[], environment: Record<string, string> = database) =>
    programs.run('main.ts', ['db', ...args], environment).ended
  const [status, json, unreachable, action] = await Promise.all([
    run(['status']),
    run(['status', '--json']),
    run(['status'], { DATABASE_URL: 'postgres://nobody:secret@localhost:1/none' }),
    run(['drop']),
  ])
  expect(status).toMatchObject({ exitCode: 0, stderr: '' })
  expect(status.stdout).toMatch(/^\S+\.sql +applied \d{4}-[\s\S]*\d+ applied, 0 pending\n$/)
  expect(JSON.parse(json.stdout)[0]).toMatchObject({ name: expect.stringMatching(/\.sql$/) })
  expect(unreachable).toMatchObject({ exitCode: 1, stdout: '' })
  expect(unreachable.stderr).toContain('ECONNREFUSED')
  expect(unreachable.stderr).not.toContain('secret')
  expect(action.exitCode).toBe(2)
  expect(await run(['migrate'])).toMatchObject({ exitCode: 0, stdout: status.stdout })
  await server.engine.query(
    "update refrain_migrations set sha256 = 'edited' where name = (select min(name) from refrain_migrations)",
  )
  const edited = await run(['migrate'])
  expect(edited).toMatchObject({ exitCode: 1, stdout: '' })
  expect(edited.stderr).toMatch(/migration \S+\.sql was edited after it had been applied: restore the file/)
})

test('a server with a token refuses changes without it and takes them with it', async () => {
  const guarded = await startSmallServer({ API_TOKEN: 'a-token-of-many-letters' })
  const environment = { REFRAIN_URL: guarded.url }
  const submission = ['submit', inFolder('song.wav'), '--title', 'Guarded']
  const without = await programs.run('main.ts', submission, environment).ended
  const given = { ...environment, API_TOKEN: 'a-token-of-many-letters' }
  const withToken = await programs.run('main.ts', submission, given).ended
  await guarded.close()
  expect(without).toMatchObject({ exitCode: 1, stdout: '' })
  expect(without.stderr).toContain('set API_TOKEN')
  expect(withToken).toMatchObject({ exitCode: 0, stderr: '' })
})
