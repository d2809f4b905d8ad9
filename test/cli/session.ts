import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, vi } from 'vitest'
import { createPrograms, type Ending, type Program } from './program.ts'
import { conditions, startSmallServer } from './small-track.ts'

/** A server for one test file, and the command `refrain` as people run it: a process of its own. */
export function openSession() {
  vi.setConfig({ testTimeout: 120_000 })
  const programs = createPrograms()
  let server: Awaited<ReturnType<typeof startSmallServer>>
  let folder: string

  beforeAll(async () => {
    server = await startSmallServer()
    folder = await programs.makeFolder()
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'song.wav'), 'as good as sound')
    await writeFile(join(folder, 'lyrics.txt'), '\ufeffla la\r\nla')
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

  return {
    programs,
    start,
    refrain,
    inFolder,
    server: () => server,
    engine: () => server.engine,
    /** Submits the song under a title and answers the track's global id. */
    async submit(title: string, lyrics = 'lyrics.txt'): Promise<string> {
      const { stdout, exitCode, stderr } = await refrain(
        'submit',
        inFolder('song.wav'),
        inFolder(lyrics),
        '--title',
        title,
      )
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
      return stdout.trim()
    },
    /** Runs a worker until nothing is left to do. */
    async work(): Promise<void> {
      const worker = await server.engine.startWorker()
      await server.engine.untilIdle('track')
      await worker.stop()
    },
  }
}
