import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rerunStage } from '../../worker/engine/tasks.ts'
import { align } from '../../worker/pipelines/track/align.ts'
import { openProviders } from '../../worker/providers/index.ts'
import { tone, writeWav } from '../support/sound.ts'
import { startVendor } from '../support/vendor.ts'
import { createTrackEngine } from './track-engine.ts'

test('a provider is changed back by its variable: what is finished stays, and one command makes the rest anew', async () => {
  await using vendor = await startVendor({
    'POST /v1/forced-alignment': async (request) => {
      const words = String((await request.form()).get('text'))
        .split(/(\s+)/)
        .map((text, i) => ({ text, start: i / 4, end: i / 4 + 0.2, loss: 0.1 }))
      return { json: { characters: [], words, loss: 0.1 } }
    },
  })
  const providers = openProviders({
    ALIGNMENT_PROVIDER: 'elevenlabs',
    ELEVENLABS_API_KEY: 'sk_0123456789',
    ELEVENLABS_URL: vendor.url,
    ELEVENLABS_INTERVAL_MS: '0',
  })
  const folder = await mkdtemp(join(tmpdir(), 'refrain provider '))
  const engine = await createTrackEngine({}, providers)
  try {
    const path = join(folder, 'song.wav')
    await writeWav(path, tone({ seconds: 2, sampleRateHz: 44_100, channels: 1 }))
    const id = await engine.submit({ source: await engine.upload(path, 'song.wav'), lyrics: 'La la la' })
    const before = await engine.startWorker()
    await engine.untilIdle('track', 120)
    await before.stop()
    const first = await engine.tasksOf(id)
    expect(align.output.parse(first.align.output).method).toBe('elevenlabs forced alignment')

    // As a restart without the variable does.
    Object.assign(providers, openProviders({}))
    await engine.startWorker()
    await engine.untilIdle('track', 60)
    expect(await engine.tasksOf(id)).toEqual(first)

    const undone = await rerunStage(engine.client.pool, 'track', id, 'align')
    await engine.untilIdle('track', 120)
    const after = await engine.tasksOf(id)
    expect(align.output.parse(after.align.output).method).not.toContain('elevenlabs')
    expect(vendor.requests).toHaveLength(1)
    for (const [name, task] of Object.entries(after)) {
      if (undone.includes(task.stage)) expect(task, name).toMatchObject({ status: first[name].status })
      else expect(task, name).toEqual(first[name])
    }
    expect(undone).toContain('render')
    expect(undone).not.toContain('separate')
  } finally {
    await engine.close()
    await rm(folder, { recursive: true, force: true })
  }
}, 240_000)
