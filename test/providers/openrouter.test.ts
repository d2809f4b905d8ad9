import { expect, test } from 'vitest'
import { normalization } from '../../worker/providers/normalization/index.ts'
import { translation } from '../../worker/providers/translation/index.ts'
import { chosen } from '../support/provider.ts'
import { type Reply, startVendor, type Vendor } from '../support/vendor.ts'

const { signal } = new AbortController()
const CHAT = 'POST /api/v1/chat/completions'

/** An answer of the model, in OpenRouter's wire format. */
function says(content: unknown, finish = 'stop'): Reply {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  const message = { role: 'assistant', content: text }
  return {
    json: {
      id: 'gen-1',
      model: 'm',
      choices: [{ index: 0, finish_reason: finish, message }],
      usage: { total_tokens: 3 },
    },
  }
}

interface Asked {
  model: string
  messages: { role: string; content: string }[]
  response_format: { type: string; json_schema: { strict: boolean; schema: Record<string, unknown> } }
}

/** “Translates” by reversing each line. */
async function startOpenRouter(): Promise<Vendor> {
  return startVendor({
    [CHAT]: (request) => {
      if (request.headers.authorization !== 'Bearer sk-or-secret')
        return { status: 401, json: { error: { code: 401, message: 'No auth' } } }
      const { messages } = request.json() as Asked
      const { lines = [] } = JSON.parse(messages[1].content) as { lines?: { number: number; text: string }[] }
      return says({ lines: lines.map(({ number, text }) => ({ number, text: [...text].reverse().join('') })) })
    },
  })
}

function environment(vendor: Vendor) {
  return {
    OPENROUTER_API_KEY: 'sk-or-secret',
    OPENROUTER_URL: `${vendor.url}/api/v1/`,
    OPENROUTER_INTERVAL_MS: '0',
    TRANSLATION_PROVIDER: 'openrouter',
    NORMALIZATION_PROVIDER: 'openrouter',
  }
}

test('translation: one line for each line, in order, however many there are', async () => {
  await using vendor = await startOpenRouter()
  const provider = chosen(translation, environment(vendor))
  const lines = Array.from({ length: 130 }, (_, i) => `line ${i}`)
  const translated = await provider.translate({ lines, from: 'en', to: 'pt-BR', signal })
  expect(translated).toEqual(lines.map((line) => [...line].reverse().join('')))
  expect(vendor.requests).toHaveLength(3)
  const asked = vendor.requests[1].json() as Asked
  expect(asked.model).toBe('google/gemini-2.5-flash-lite-preview-09-2025')
  expect(asked.messages[0].content).toContain('from English (en) to Brazilian Portuguese (pt-BR)')
  expect(JSON.parse(asked.messages[1].content).before).toEqual(['line 56', 'line 57', 'line 58', 'line 59'])
  expect(asked.response_format.json_schema).toMatchObject({
    strict: true,
    schema: { type: 'object', additionalProperties: false },
  })
  expect(provider.unavailableReason('en', 'zh')).toBe(null)
  expect(provider.unavailableReason('en', 'EN')).toContain('already')
})

test('translation: an answer with another count, order or an empty line is asked for again, then refused', async () => {
  await using vendor = await startOpenRouter()
  const provider = chosen(translation, environment(vendor))
  const request = { lines: ['a', 'b'], from: 'en', to: 'de', signal }
  const wrong = [
    says({ lines: [{ number: 1, text: 'x y' }] }),
    says({
      lines: [
        { number: 2, text: 'x' },
        { number: 1, text: 'y' },
      ],
    }),
    says({
      lines: [
        { number: 1, text: 'x' },
        { number: 2, text: ' ' },
      ],
    }),
    says({ lines: 'x\ny' }),
    says('Here you are: x, y'),
  ]
  for (const reply of wrong) {
    vendor.inject(CHAT, reply)
    const before = vendor.requests.length
    vendor.inject(CHAT, says('```json\n{"lines":[{"number":1,"text":"x"},{"number":2,"text":"y"}]}\n```'))
    expect(await provider.translate(request)).toEqual(['x', 'y'])
    const { messages } = vendor.requests[before + 1].json() as Asked
    expect(messages.at(-1)?.content).toContain('does not fit')
    vendor.inject(CHAT, reply, reply)
    await expect(provider.translate(request)).rejects.toMatchObject({ kind: 'PROVIDER_REJECTED' })
  }
})

test('faults: limits and failing hosts are waited out; credit, a gone model and cut answers are final', async () => {
  await using vendor = await startOpenRouter()
  const provider = chosen(translation, environment(vendor))
  const request = { lines: ['ab'], from: 'en', to: 'de', signal }
  vendor.inject(CHAT, { status: 429, headers: { 'retry-after': '0' } }, { status: 502 }, 'truncate')
  expect(await provider.translate(request)).toEqual(['ba'])
  const final = [
    { status: 402, json: { error: { code: 402, message: 'Insufficient credits' } } },
    { status: 410, json: { error: { code: 410, message: 'gone' } } },
    { json: { error: { code: 402, message: 'Insufficient credits' } } },
    says('{"lines":[', 'length'),
    { json: { choices: [] } },
    { json: { choices: 'x' } },
  ]
  for (const fault of final) {
    const before = vendor.requests.length
    vendor.inject(CHAT, fault)
    await expect(provider.translate(request)).rejects.toMatchObject({ kind: 'PROVIDER_REJECTED' })
    expect(vendor.requests.length - before).toBe(1)
  }
  vendor.inject(CHAT, { json: { choices: [{ error: { code: 502, message: 'host overloaded' } }] } })
  await expect(provider.translate(request)).rejects.toMatchObject({ kind: 'PROVIDER_UNAVAILABLE' })
  const refused = chosen(translation, { ...environment(vendor), OPENROUTER_API_KEY: 'sk-or-wrong1' })
  const error = await refused.translate(request).catch((error: unknown) => error)
  expect(String(error)).toContain('check the key')
  expect(String(error)).not.toContain('sk-or-wrong1')
})

test('an abort ends a hanging answer', async () => {
  await using vendor = await startOpenRouter()
  vendor.inject(CHAT, 'hang')
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('canceled')), 50)
  const provider = chosen(translation, environment(vendor))
  await expect(provider.translate({ lines: ['a'], from: 'en', to: 'de', signal: controller.signal })).rejects.toThrow(
    'canceled',
  )
})

test('normalization: the cleaned lines come back tidy, with the model’s name', async () => {
  await using vendor = await startOpenRouter()
  const provider = chosen(normalization, environment(vendor))
  vendor.inject(CHAT, says({ lines: [' Hello  darkness ', '', 'my old friend'] }))
  const text = '[Verse 1]\nhello DARKNESS\nmy old friend'
  expect(await provider.normalize({ text, language: 'en', signal })).toEqual({
    lines: ['Hello darkness', 'my old friend'],
    method: 'google/gemini-2.5-flash-lite-preview-09-2025',
  })
  expect(JSON.parse((vendor.requests[0].json() as Asked).messages[1].content)).toEqual({ language: 'en', text })
})

test('normalization: an answer that invents words, or has none, is refused', async () => {
  await using vendor = await startOpenRouter()
  const provider = chosen(normalization, environment(vendor))
  const request = { text: 'hello darkness my old friend', language: 'en', signal }
  vendor.inject(CHAT, says({ lines: ['I cannot help with lyrics that are protected'] }), says({ lines: ['…'] }))
  await expect(provider.normalize(request)).rejects.toThrow('expected the words of the lyrics')
  await expect(provider.normalize(request)).rejects.toThrow('no words')
  vendor.inject(CHAT, says({ lines: [] }), says({ text: 'x' }))
  await expect(provider.normalize(request)).rejects.toMatchObject({ kind: 'PROVIDER_REJECTED' })
})
