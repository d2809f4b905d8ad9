import { mkdir, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { openSession } from './session.ts'
import { conditions, LONG_REASON, startSmallServer } from './small-track.ts'

const { programs, start, refrain, inFolder, submit, server, engine } = openSession()

const tracksCalled = async (title: string) =>
  (await engine().query<{ n: number }>('select count(*)::int as n from tracks where title = $1', [title]))[0].n

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
    [[inFolder('')], /there is no file/],
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
  const endings = await Promise.all(names.map((name) => refrain('submit', `${inFolder('sub')}/../${name}`)))
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
  const worker = await engine().startWorker()
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

test('following outlives a restart of the server and misses nothing', async () => {
  conditions.mayRender = false
  const id = await submit('Interrupted')
  const worker = await engine().startWorker()
  const followed = start('follow', id)
  await followed.untilSays(/render: running, 50 %/)
  const resume = await server().interrupt()
  conditions.mayRender = true
  await engine().untilIdle('track')
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
  await engine().query('delete from tracks where id = $1', [Number(id.split(':')[1])])
  const ending = await deleted.ended
  expect(ending.exitCode).toBe(1)
  expect(ending.stderr).toContain(`there is no track ${id}`)
})

test('the database is migrated and looked at without a server', async () => {
  const database = { DATABASE_URL: engine().url }
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
  await engine().query(
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
