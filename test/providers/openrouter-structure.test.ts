import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeFlac } from '../../worker/media/ffmpeg/pcm.ts'
import { structure } from '../../worker/providers/structure/index.ts'
import { chosen } from '../support/provider.ts'
import { type Reply, startVendor, type Vendor } from '../support/vendor.ts'

const CHAT = 'POST /api/v1/chat/completions'
const { signal } = new AbortController()

function says(sections: unknown): Reply {
  return {
    json: {
      choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: JSON.stringify({ sections }) } }],
    },
  }
}

async function song(seconds: number): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'refrain-structure-')), 'song.flac')
  const samples = Float32Array.from({ length: seconds * 16_000 }, (_, i) => 0.3 * Math.sin(i / 20))
  await writeFlac(path, { sampleRateHz: 16_000, channels: 1, bitDepth: 16, signal }, [samples])
  return path
}

function provider(vendor: Vendor) {
  return chosen(structure, {
    STRUCTURE_PROVIDER: 'openrouter',
    OPENROUTER_API_KEY: 'sk-or-secret',
    OPENROUTER_URL: `${vendor.url}/api/v1`,
    OPENROUTER_INTERVAL_MS: '0',
  })
}

test('the model hears the song, and its sections touch and cover all of it', async () => {
  await using vendor = await startVendor({
    [CHAT]: () =>
      says([
        { startSeconds: 0.4, label: 'intro' },
        { startSeconds: 5, label: 'verse' },
        { startSeconds: 6, label: 'pre-chorus' },
        { startSeconds: 12.25, label: 'chorus' },
        { startSeconds: 19, label: 'outro' },
      ]),
  })
  const { sections, method } = await provider(vendor).analyze({
    audioPath: await song(20),
    onProgress: () => {},
    signal,
  })
  expect(sections).toEqual([
    { startMs: 0, endMs: 5_000, label: 'intro' },
    { startMs: 5_000, endMs: 12_250, label: 'verse' },
    { startMs: 12_250, endMs: 20_000, label: 'chorus' },
  ])
  expect(method).toContain('gemini')
  const { messages } = vendor.requests[0].json() as {
    messages: { content: { type: string; input_audio: { data: string; format: string } }[] }[]
  }
  const sound = messages[1].content.find(({ type }) => type === 'input_audio')!.input_audio
  expect(sound.format).toBe('mp3')
  const bytes = Buffer.from(sound.data, 'base64')
  expect(bytes.length).toBeGreaterThan(60_000)
  expect(bytes.length).toBeLessThan(120_000)
})

test('starts out of order, outside of the song, or unknown labels are asked for again, then refused', async () => {
  const wrong = [
    [
      { startSeconds: 3, label: 'verse' },
      { startSeconds: 3, label: 'chorus' },
    ],
    [
      { startSeconds: 0, label: 'verse' },
      { startSeconds: 9, label: 'chorus' },
    ],
    [{ startSeconds: 0, label: 'guitar hero' }],
    [],
  ]
  await using vendor = await startVendor({ [CHAT]: () => says([{ startSeconds: 0, label: 'verse' }]) })
  const request = { audioPath: await song(6), onProgress: () => {}, signal }
  for (const sections of wrong) {
    vendor.inject(CHAT, says(sections))
    expect((await provider(vendor).analyze(request)).sections).toEqual([{ startMs: 0, endMs: 6_000, label: 'verse' }])
    vendor.inject(CHAT, says(sections), says(sections))
    await expect(provider(vendor).analyze(request)).rejects.toMatchObject({ kind: 'PROVIDER_REJECTED' })
  }
})
