import { test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { openClient } from '../../worker/db/client.ts'
test('bench', async () => {
  const database = await createTestDatabase()
  const client = openClient(database.url, { settings: { 'engine.notify': 'off' } })
  const q = (s: string) => client.pool.query(s)
  const time = async (label: string) => {
    const ms: number[] = []
    let n
    for (let i = 0; i < 5; i++) { const t = performance.now(); n = (await q('select record_deliveries(500) n')).rows[0].n; ms.push(performance.now() - t); if (i===0) console.log(label, 'first', n, ms[0]) }
    console.log(label, ms.map((x) => x.toFixed(1)).join(' '))
  }
  await time('empty')
  await q(`insert into stages(pipeline,name,position) select 'track', 's'||n, n from generate_series(1,12) n`)
  await q(`alter table tasks disable trigger user; alter table tracks disable trigger user`)
  const N = 100000
  await q(`insert into tracks(title, source_type, callback_url) select 'x','url', null from generate_series(1,${N}) n`)
  await q(`insert into subjects(pipeline,id,event_seq) select 'track', id, 24 from tracks`)
  await q(`insert into tasks(pipeline,subject_id,stage,status) select 'track', t.id, s.name, 'completed' from tracks t, stages s`)
  await q('analyze'); await time('20k tracks none with callback')
  await q(`update tracks set callback_url='http://x/' where id % 100 = 0`)
  await time('1k with callback')

  await q(`update tracks set callback_url='http://x/'`)
  await q(`update subjects set event_seq=25 where id % 100 = 0`)
  await time('20k with callback'); await q(`insert into webhook_deliveries(pipeline,subject_id,event_seq,url,body) select pipeline,id,event_seq,'x','{}' from subjects on conflict do nothing`); await time('20k with callback, told, stale')
  await q('vacuum analyze'); await time('20k after vacuum')
await q(`update subjects set event_seq=26 where id % 1000 = 0`); await time('100 of 20k');
  await q(`update tasks set status='running' where subject_id <= 1000 and stage='s5'`)
  await q(`update subjects set event_seq=26 where id <= 1000`)
  await time('1000 in progress')
  await client.close(); await database.drop()
}, 120000)
