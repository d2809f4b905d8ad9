import { expect, test } from 'vitest'
import { embeddedTranslation } from '../../worker/providers/translation/embedded.ts'

test.each([
  ['en', 'zh', 'translating English to Chinese needs a language model'],
  ['en', 'en', 'the lyrics are already in English'],
  ['pt-BR', 'pt', 'the lyrics are already in Brazilian Portuguese'],
  ['zh-TW', 'zh-CN', 'needs a language model'],
  ['not a tag', 'de', 'translating not a tag to German'],
])('%s to %s: the reason is told to people', (from, to, reason) => {
  expect(embeddedTranslation.unavailableReason(from, to)).toContain(reason)
})

test('it never answers with the lines it was given', async () => {
  const request = { lines: ['la'], from: 'en', to: 'de', signal: new AbortController().signal }
  await expect(embeddedTranslation.translate(request)).rejects.toThrow(/needs a language model/)
  await expect(embeddedTranslation.translate({ ...request, signal: AbortSignal.abort() })).rejects.toThrow(/abort/i)
})
