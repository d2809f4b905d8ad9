import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSession } from './session.ts'
import { conditions } from './small-track.ts'

const { refrain, inFolder, submit, work, engine } = openSession()

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

  const [report, reportJson] = await Promise.all([refrain('report'), refrain('report', '--json')])
  expect(report.stdout).toMatch(/3 × align: .*got "unsingable"/)
  expect(JSON.parse(reportJson.stdout)).toMatchObject({
    tracks: 3,
    ready: 0,
    failed: 3,
    blockers: [{ count: 3, stage: 'align' }],
  })

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
  await engine().query(
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
  const done = await engine().query("select from tracks where title like 'Waiting %' and stage = 'ready'")
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

test('a track may be named by its Spotify id', async () => {
  const id = await submit('Known')
  const spotifyId = '4uLU6hMCjMI75M1A2tKUQC'
  await engine().query('update tracks set spotify_track_id = $2 where id = $1', [Number(id.split(':')[1]), spotifyId])
  await work()
  const [found, unknown] = await Promise.all([
    refrain('run', 'render', `--trackId=${spotifyId}`),
    refrain('status', '4uLU6hMCjMI75M1A2tKUQD'),
  ])
  expect(found).toMatchObject({ exitCode: 0 })
  expect(found.stdout).toMatch(new RegExp(`^${id}: Task:`))
  expect(unknown).toMatchObject({ exitCode: 1, stdout: '' })
  expect(unknown.stderr).toContain('there is no track with the Spotify id')
  await work()
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
  await engine().query(
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
