import { afterAll, beforeAll, expect, test } from 'vitest'
import { inTransaction } from '../../worker/db/client.ts'
import { loadTrack } from '../../worker/pipelines/track/subject.ts'
import { translate } from '../../worker/pipelines/track/translate.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

let engine: TestEngine
beforeAll(async () => {
  engine = await createTestEngine([])
})
afterAll(() => engine.close())

test('a track has one translation for each language, the newest', async () => {
  const [{ id }] = await engine.query<{ id: number }>(
    "insert into tracks (title, source_type) values ('Lantern Road', 'upload') returning id",
  )
  const record = (language: string, lines: string[]) =>
    inTransaction(engine.client, async (_connection, transaction) => {
      const track = await loadTrack(transaction, id)
      if (!track) throw new Error('the track is gone')
      await translate.record?.({ language, lines, method: 'openrouter' }, transaction, track, language)
    })
  await record('zh', ['夜深了'])
  await record('vi', ['Đêm khuya'])
  await record('zh', ['夜已深'])
  const rows = await engine.query(
    'select language, lines, method from lyrics_translations where track_id = $1 order by language',
    [id],
  )
  expect(rows).toEqual([
    { language: 'vi', lines: ['Đêm khuya'], method: 'openrouter' },
    { language: 'zh', lines: ['夜已深'], method: 'openrouter' },
  ])
})
