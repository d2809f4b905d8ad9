import { fork } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openClient } from '../worker/db/client.ts'
import { migrate } from '../worker/db/migrate.ts'
import { startPostgres } from '../worker/db/postgres/index.ts'
import { syncPipelines } from '../worker/engine/tasks.ts'
import { createLog } from '../worker/log.ts'
import { pipelines } from '../worker/pipelines/index.ts'

/**
 * Seconds of work per minute of song for every stage of the track pipeline, and the peak memory of the worker and of
 * ffmpeg: `node bench/stages.ts [song lyrics]`. Without arguments our own song is taken.
 */
const given = process.argv.slice(2)
if (given.length !== 0 && given.length !== 2) {
  console.error('expected a song and its lyrics, or nothing: node bench/stages.ts [song lyrics]')
  process.exit(2)
}
const [songPath, lyricsPath] = given.length === 2 ? given.map((path) => resolve(path)) : await ownSong()
const lyricsText = await readFile(lyricsPath, 'utf8')

const folder = await mkdtemp(join(tmpdir(), 'refrain-bench-'))
// Root's PostgreSQL runs as somebody else, who has to get in.
await chmod(folder, 0o755)
const postgres = await startPostgres({ dataDirectory: join(folder, 'postgres'), log: createLog('error') })
await migrate(postgres.url)
const client = openClient(postgres.url)
await syncPipelines(client.pool, pipelines)
const worker = fork(new URL('../worker/main.ts', import.meta.url), {
  env: {
    ...process.env,
    DATABASE_URL: postgres.url,
    REFRAIN_DATA_DIR: folder,
    MEDIA_PATHS: dirname(songPath),
    LOG_LEVEL: 'warn',
  },
})
const ended = new Promise<never>((_resolve, reject) =>
  worker.once('exit', (code) => reject(new Error(`the worker ended with code ${code}`))),
)
ended.catch(() => {})
const peaks = new Map<string, number>()
const sampler = setInterval(() => void samplePeaks(worker.pid ?? 0), 200)
try {
  const startedAt = performance.now()
  const { rows } = await client.pool.query<{ id: number }>(
    `with t as (insert into tracks (title, source_type, source) values ($1, 'path', $2) returning id)
     insert into lyrics (track_id, raw, source) select id, $3, 'bench' from t returning track_id as id`,
    [basename(songPath), JSON.stringify({ kind: 'path', path: songPath }), lyricsText],
  )
  await Promise.race([untilSettled(rows[0].id), ended])
  const wallSeconds = (performance.now() - startedAt) / 1000
  const stages = await readStages(rows[0].id)
  report(stages, wallSeconds)
  if (stages.some((stage) => stage.status === 'failed')) process.exitCode = 1
} finally {
  clearInterval(sampler)
  if (worker.connected) worker.send('stop')
  await ended.catch(() => {})
  await client.close()
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
}

interface StageRow {
  readonly stage: string
  readonly status: string
  readonly seconds: number | null
  readonly reason: string | null
  readonly durationMs: number
}

async function readStages(id: number): Promise<StageRow[]> {
  const { rows } = await client.pool.query<StageRow>(
    `select t.stage || case when t.item = '' then '' else '[' || t.item || ']' end as stage, t.status,
       extract(epoch from t.settled_at - t.started_at)::float8 as seconds, coalesce(t.reason, t.error_message) as reason, k.duration_ms as "durationMs"
     from tasks t join tracks k on k.id = t.subject_id where t.pipeline = 'track' and t.subject_id = $1 order by t.started_at`,
    [id],
  )
  return rows
}

async function untilSettled(id: number): Promise<void> {
  for (;;) {
    const { rows } = await client.pool.query<{ open: number }>(
      "select count(*) as open from tasks where pipeline = 'track' and subject_id = $1 and status in ('pending', 'running')",
      [id],
    )
    if (rows[0].open === 0) return
    await new Promise((done) => setTimeout(done, 250))
  }
}

function report(stages: readonly StageRow[], wallSeconds: number): void {
  const minutes = (stages[0]?.durationMs ?? 0) / 60_000
  console.log(`${basename(songPath)}: ${(minutes * 60).toFixed(1)} s of song\n`)
  console.log('stage                    status      seconds   s per minute of song')
  for (const stage of stages) {
    const perMinute = ((stage.seconds ?? 0) / minutes).toFixed(2)
    console.log(
      `${stage.stage.padEnd(24)} ${stage.status.padEnd(11)} ${(stage.seconds ?? 0).toFixed(2).padStart(7)} ${perMinute.padStart(22)} ${stage.reason ?? ''}`,
    )
  }
  console.log(`\nall stages: ${wallSeconds.toFixed(1)} s, ${(wallSeconds / minutes).toFixed(1)} s per minute of song`)
  for (const [name, bytes] of peaks) console.log(`peak memory of ${name}: ${(bytes / 1e6).toFixed(0)} MB`)
}

/** The largest resident set each kind of process has had so far; Linux only. */
async function samplePeaks(root: number): Promise<void> {
  for (const pid of [root, ...(await childrenOf(root))]) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    const name = pid === root ? 'the worker' : /^Name:\s+(\S+)/m.exec(status)?.[1]
    const kilobytes = Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0)
    // A thread's name is that of a process that has not become ffmpeg yet.
    if (name && !name.endsWith('Thread') && kilobytes > 0)
      peaks.set(name, Math.max(peaks.get(name) ?? 0, kilobytes * 1024))
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')),
  )
  return lists.join(' ').trim().split(/\s+/).filter(Boolean).map(Number)
}

async function ownSong(): Promise<[string, string]> {
  const folder = fileURLToPath(new URL('../song/', import.meta.url))
  const audio = (await readdir(folder)).find((name) => name.endsWith('.mp3'))
  if (!audio) throw new Error(`expected our song as .mp3 in ${folder}: make it with node song/make.ts`)
  return [join(folder, audio), join(folder, 'lyrics.txt')]
}
