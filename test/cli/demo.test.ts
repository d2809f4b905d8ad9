import { mkdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { tone, writeWav } from '../support/sound.ts'
import { createPrograms, processesOf, until } from './program.ts'

// A real song, though a short one, goes through every stage.
vi.setConfig({ testTimeout: 240_000 })

const programs = createPrograms()
let folder: string
let songPath: string
const demo = (...args: string[]) => programs.run('demo.ts', args, { REFRAIN_DATA_DIR: folder })
const nothingRuns = () => until(async () => (await processesOf(folder)).length === 0, 30)
const secondsOf = (stdout: string) => Number(/Done in (\d+\.\d) s/.exec(stdout)?.[1])

beforeAll(async () => {
  folder = await programs.makeFolder()
  await mkdir(folder, { recursive: true })
  songPath = join(folder, `it's a "short" song.wav`)
  await writeWav(songPath, tone({ seconds: 6, sampleRateHz: 44_100, channels: 2 }))
})
afterAll(() => programs.clean(), 60_000)

test('a song without words becomes a karaoke video; the same again repeats nothing', async () => {
  const first = await demo(songPath).ended
  expect(first).toMatchObject({ exitCode: 0, stderr: '' })
  const [, trackId] = /^it's a "short" song is (Track:\d+)$/m.exec(first.stdout) ?? []
  expect(trackId).toBeDefined()
  expect(first.stdout).toMatch(/^align: skipped \(the track has no lyrics\)$/m)
  expect(first.stdout).toMatch(/^render: completed in \d+\.\d s$/m)
  const [, seconds = '', files = ''] =
    /\nSeconds per stage\n([\s\S]*)\n\nFiles\n([\s\S]*)\n\nDone in/.exec(first.stdout) ?? []
  const stages = new Map(seconds.split('\n').map((line) => [line.trim().split(/\s+/)[0], line]))
  for (const name of ['download', 'separate', 'enhance', 'render', 'screens'])
    expect(stages.get(name)).toMatch(/^ {2}\w+ +\d+\.\d$/)
  expect(stages.get('clip')).toMatch(/^ {2}clip +skipped: the song/)
  const paths = files.split('\n').map((line) => resolve(tmpdir(), line.replace(/^ +[\d.]+ MB {2}/, '')))
  expect(paths.length).toBeGreaterThanOrEqual(7)
  for (const path of paths) expect((await stat(path)).size).toBeGreaterThan(1_000)
  expect(paths.filter((path) => path.endsWith('karaoke.mp4'))).toHaveLength(1)
  await nothingRuns()

  const video = await stat(paths.find((path) => path.endsWith('karaoke.mp4')) ?? '')
  const again = await demo(songPath).ended
  expect(again).toMatchObject({ exitCode: 0, stderr: '' })
  expect(again.stdout).toContain(`song is ${trackId}\n`)
  expect(again.stdout).not.toContain('running')
  expect(secondsOf(again.stdout)).toBeLessThan(secondsOf(first.stdout) / 2)
  expect((await stat(paths.find((path) => path.endsWith('karaoke.mp4')) ?? '')).mtimeMs).toBe(video.mtimeMs)
  await nothingRuns()
})

test('a file that is no sound ends with the failed task, its cause and how to try again; and so it does again', async () => {
  const path = join(folder, 'text.mp3')
  await writeFile(path, 'this is only text\n'.repeat(100))
  const first = await demo(path).ended
  expect(first).toMatchObject({ exitCode: 1, stderr: '' })
  const explanation = /^download failed after 1 of 3 attempts: (.+)\n {2}try again: .*npx refrain retry (Task:\d+)$/m
  const [, cause, task] = explanation.exec(first.stdout) ?? []
  expect(cause).toMatch(/text\.mp3|sound|audio/)
  expect(first.stdout).not.toContain('Done in')
  await nothingRuns()
  const again = await demo(path).ended
  expect(again).toMatchObject({ exitCode: 1, stderr: '' })
  expect(explanation.exec(again.stdout)?.slice(1)).toEqual([cause, task])
  await nothingRuns()
})

test('Ctrl-C stops everything and says how to go on', async () => {
  const other = join(folder, 'other.wav')
  await writeWav(other, tone({ seconds: 6, sampleRateHz: 44_100, channels: 1 }, 330))
  const program = demo(other)
  await program.untilSays(/separate: running/, 120)
  program.kill('SIGINT')
  const { exitCode, stdout, stderr } = await program.ended
  expect(exitCode).toBe(130)
  expect(stderr).toBe('\nStopped. What was finished is kept: the same command goes on from there.\n')
  expect(stdout).not.toContain('Done in')
  await nothingRuns()
})

test('what is missing or wrong is said before anything starts', async () => {
  const [missing, lyrics, surplus] = await Promise.all([
    demo(join(folder, 'missing.mp3')).ended,
    demo(songPath, join(folder, 'missing.txt')).ended,
    demo(songPath, songPath, 'third').ended,
  ])
  for (const { exitCode, stdout } of [missing, lyrics, surplus])
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  expect(missing.stderr).toMatch(/there is no file .*missing\.mp3/)
  expect(lyrics.stderr).toMatch(/there is no file .*missing\.txt/)
  expect(surplus.stderr).toMatch(/got also third/)
})
