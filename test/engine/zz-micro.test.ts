import { test } from 'vitest'
import pg from 'pg'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { definePipeline, stagesOf, type AnyStage } from '/work/main/worker/engine/define.ts'
import { createTestEngine } from '/work/main/test/support/engine.ts'

test('micro', async () => {
  const stage = stagesOf<object>('link')
  const stages: AnyStage[] = []
  for (let i = 0; i < 10; i++) stages.push(stage({ name: `stage_${i}`, description: 'x', after: i ? [stages[i - 1]] : [], output: z.object({}), run: async () => ({}) }))
  const engine = await createTestEngine([definePipeline({ name: 'link', description: 'x', stages, loadSubject: async () => ({}) })])
  const c = new pg.Client({ connectionString: engine.url })
  c.on('notice', (n) => { if (process.env.EXPLAIN) console.log(n.message) })
  await c.connect()
  await c.query("set engine.notify = off")
  if (process.env.EXPLAIN) await c.query("load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on; set auto_explain.log_analyze=on; set client_min_messages = log")
  let best = 1e9
  let minCpu = 1e9
  if (process.env.GENERIC) await engine.query(process.env.GENERIC)
  const pid = (await c.query('select pg_backend_pid() as pid')).rows[0].pid
  const cpu = () => { const f = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' '); return Number(f[0]) / 1000 }
  const parts = { settle: 0, n: 0 }
  for (let round = 0; round < (process.env.EXPLAIN ? 2 : 12); round++) {
    if (process.env.EXPLAIN) await c.query("set auto_explain.log_min_duration = -1")
    await engine.add('link', 200)
    const { rows } = await c.query("select * from claim_tasks('w', array(select id from tasks where status = 'pending' order by id))")
    let batch = rows
    const t0 = performance.now()
    const c0 = cpu()
    for (let i = 0; i < 10; i++) {
      if (process.env.EXPLAIN && round === 1 && i === 5) await c.query("set auto_explain.log_min_duration = 0")
      const r = await c.query('select settled, taken from settle_and_take($1,$2,$3)', ['w', 'light', JSON.stringify(batch.map((t: any) => ({ id: t.id, runs: t.runs, status: 'completed', output: {} })))])
      if (process.env.EXPLAIN && round === 1 && i === 5) await c.query("set auto_explain.log_min_duration = -1")
      batch = r.rows[0].taken
    }
    const us = ((performance.now() - t0) * 1000) / 2000
    const cu = (cpu() - c0) / 2000
    minCpu = Math.min(minCpu, cu); parts.settle += cu; parts.n++
    best = Math.min(best, us)
    console.log('round', round, us.toFixed(1), 'us per stage; cpu', cu.toFixed(1))
  }
  console.log('best', best.toFixed(1), 'mean cpu', (parts.settle / parts.n).toFixed(1), 'min cpu', minCpu.toFixed(1))
  await c.end()
  await engine.close()
})
