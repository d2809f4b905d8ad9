import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { startApi } from '../../api/server.ts'
import { readConfig } from '../../worker/config.ts'
import { openClient } from '../../worker/db/client.ts'
import { Artifact } from '../../worker/engine/artifact.ts'
import { definePipeline } from '../../worker/engine/define.ts'
import { InvalidInput } from '../../worker/errors.ts'
import { createLog } from '../../worker/log.ts'
import { loadTrack, trackStage } from '../../worker/pipelines/track/subject.ts'
import { createTestEngine } from '../support/engine.ts'

/** What the stages below look at, to be turned by a test. */
export const conditions = {
  /** Whether `align` can place lyrics that say "unsingable". */
  isMended: false,
  /** Whether `render` may finish. */
  mayRender: true,
}

export const LONG_REASON = `the track has no lyrics${', which is no fault of anybody and needs no more words than these'.repeat(3)}`

const download = trackStage({
  name: 'download',
  description: 'Keeps a small file.',
  output: z.object({ audio: Artifact }),
  milestone: 'audio_ready',
  async run(_inputs, { subject, workspacePath, keep }) {
    const path = join(workspacePath, 'audio')
    await writeFile(path, `the sound of ${subject.title}`)
    return { audio: await keep(path, { name: 'audio.flac', contentType: 'audio/flac' }) }
  },
})
const align = trackStage({
  name: 'align',
  description: 'Places words, unless they are unsingable.',
  after: [download],
  output: z.object({ words: z.number() }),
  canSkip: true,
  milestone: 'aligned',
  async run(_inputs, { subject, skip }) {
    if (!subject.lyrics) return skip(LONG_REASON)
    if (subject.lyrics.includes('unsingable') && !conditions.isMended)
      throw new InvalidInput('expected words that can be sung,\ngot "unsingable"')
    return { words: subject.lyrics.split(' ').length }
  },
})
const render = trackStage({
  name: 'render',
  description: 'Takes as long as the test wants.',
  after: [align],
  output: z.object({ video: Artifact }),
  milestone: 'ready',
  async run(_inputs, { subject, workspacePath, keep, progress, signal }) {
    progress(0.5)
    while (!conditions.mayRender) await delay(20, undefined, { signal })
    const path = join(workspacePath, 'video')
    await writeFile(path, `the video of ${subject.title}`)
    return { video: await keep(path, { name: 'audio.flac', contentType: 'video/mp4' }) }
  },
})

/** The track pipeline in small: real rows, real files, nothing to compute. */
const track = definePipeline({
  name: 'track',
  description: 'A song becomes what the tests need',
  milestones: ['audio_ready', 'aligned', 'ready'],
  stages: [download, align, render],
  loadSubject: loadTrack,
})

/** An engine with the small pipeline, and an API that can be stopped and started again on the same port. */
export async function startSmallServer(environment: Record<string, string> = {}) {
  const engine = await createTestEngine([track])
  // Not the engine's own client: what the API writes has to wake listeners.
  const client = openClient(engine.url)
  const listen = (port: string) =>
    startApi({
      config: readConfig({ REFRAIN_DATA_DIR: engine.folder, SHUTDOWN_GRACE_MS: '200', ...environment, PORT: port }),
      client,
      pipelines: [track],
      artifacts: engine.artifacts,
      log: createLog('silent'),
    })
  let api = await listen('0')
  const { url } = api
  return {
    engine,
    url,
    /** Ends the API; the answer starts it again where it was. */
    async interrupt() {
      await api.close()
      return async () => {
        api = await listen(new URL(url).port)
      }
    },
    async close() {
      await api.close()
      await client.close()
      await engine.close()
    },
  }
}
