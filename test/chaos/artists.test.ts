import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { devAccount } from '../../contracts/dev-accounts.ts'
import { rerunStage } from '../../worker/engine/tasks.ts'
import { until } from '../cli/program.ts'
import { seeded } from '../indexer/random.ts'
import { addReadyTrack } from '../support/ready-track.ts'
import { type ChainHistory, countTransactions, readChainHistory } from './chain-history.ts'
import { expectCatalog, expectOneOfEach, expectRecordsOfTheChain, expectTasksSettledWell } from './expectations.ts'
import { type ProcessName, type System, startSystem } from './system.ts'

const ARTISTS = 20
/** Who is killed how often; when, and in which order, is drawn. */
const KILLS: Readonly<Record<ProcessName, number>> = { worker: 4, indexer: 3, anvil: 3 }
/** Another number is another run. */
const SEED = Number(process.env.CHAOS_SEED ?? 1)
const OPERATOR = devAccount(0).address

let system: System | undefined
afterEach(async () => {
  const ended = system
  system = undefined
  await ended?.stop()
}, 120_000)

test('twenty artists have one of everything, on chain and in every record, though worker, indexer and chain are killed ten times and everything is asked for again', async () => {
  const running = await startSystem({
    RETRY_DELAYS_SECONDS: '0.2,0.5,1',
    // That a worker is killed counts as an attempt of what it was at.
    MAX_JOB_RETRIES: '6',
    SWEEP_INTERVAL_MS: '250',
  })
  system = running
  try {
    await addUnlucky(running)
    await killMeanwhile(running)
    await untilIdle(running)
    await askAgain(running)
    await untilIdle(running)
    const chain = await readChainHistory(running.rpcUrl)
    await untilIndexed(running, chain)
    await expectTasksSettledWell(running, ARTISTS)
    await expectOneOfEach(running, chain, ARTISTS)
    await expectRecordsOfTheChain(running, chain, ARTISTS)
    await expectCatalog(running, chain, ARTISTS)
  } catch (error) {
    throw new Error(`with CHAOS_SEED=${SEED}: ${await tellState(running)}`, { cause: error })
  }
}, 300_000)

/** An artist whose wallet can never be made, for an attempt is on record to have made nonsense. */
async function addUnlucky({ query }: System): Promise<void> {
  await query(
    `with unlucky as (insert into artists (name) values ('Unlucky') returning id)
     insert into effects (pipeline, subject_id, stage, item, key, result) select 'artist', id, 'mint_pkp', '', 'wallet', '{}' from unlucky`,
  )
}

const addTrackOf = (running: System, artist: string) =>
  addReadyTrack(running, { title: `Song of ${artist}`, artist, song: randomBytes(200_000) })

/** Brings the tracks, two at a time, and after each two kills somebody at work. */
async function killMeanwhile(running: System): Promise<void> {
  const { next } = seeded(SEED)
  const victims = Object.entries(KILLS)
    .flatMap(([name, times]) => Array.from({ length: times }, () => ({ name: name as ProcessName, place: next() })))
    .sort((one, other) => one.place - other.place)
  let artists = 0
  for (const [index, { name }] of victims.entries()) {
    await running.untilAtWork('worker')
    const due = Math.round((ARTISTS * (index + 1)) / victims.length)
    while (artists < due) await addTrackOf(running, `Singer ${++artists}`)
    await running.untilAtWork(name)
    await delay(next() * 1_000)
    await running.kill(name)
  }
}

/** Has what is done already asked for once more, twice at once. */
async function askAgain({ client, query }: System): Promise<void> {
  const runs = () => query("select stage, sum(runs) from tasks where pipeline = 'artist' group by stage order by stage")
  const before = await runs()
  const ask = () =>
    query("select create_artist_task(subject_id, stage) from tasks where pipeline = 'artist' and status = 'completed'")
  await Promise.all([ask(), ask()])
  // Few: the key gate opens so many songs to one address in a minute, and no more.
  const tracks = await query<{ id: number }>('select id from tracks order by id limit 3')
  for (const { id } of tracks) {
    const rerun = () => rerunStage(client.pool, 'track', id, 'encrypt')
    await Promise.allSettled([rerun(), rerun()])
  }
  expect(await runs()).toEqual(before)
}

async function untilIdle({ query, rpcUrl }: System): Promise<void> {
  await until(async () => {
    const [{ waiting, proven }] = await query<{ waiting: number; proven: number }>(
      `select count(*) filter (where status in ('pending', 'running')) as waiting,
         count(*) filter (where stage = 'prove_access') as proven from tasks`,
    )
    return waiting === 0 && proven === ARTISTS
  }, 90)
  // What the chain has lost at last is sent again.
  await until(async () => {
    const [{ pending, next }] = await query<{ pending: number; next: number }>(
      "select count(*) filter (where status = 'pending') as pending, max(nonce) + 1 as next from chain_transactions",
    )
    return pending === 0 && (await countTransactions(rpcUrl, OPERATOR)) === next
  }, 30)
}

async function untilIndexed({ subgraph }: System, { head }: ChainHistory): Promise<void> {
  await until(async () => {
    const answer = await subgraph<{ _meta: { block: { hash: string } } }>('{ _meta { block { hash } } }').catch(
      () => null,
    )
    return answer?._meta.block.hash === head.hash
  }, 30)
}

async function tellState({ query, said }: System): Promise<string> {
  const states = [
    await query(
      `select pipeline, stage, status, max(attempts) as attempts, count(*), min(error_message) as error
       from tasks where status not in ('completed', 'skipped') group by 1, 2, 3`,
    ),
    await query("select nonce, status, description from chain_transactions where status <> 'mined' order by nonce"),
    await query('select state, message, block_number from indexer.deployments'),
  ]
  return [...states.map((rows) => JSON.stringify(rows)), said()].join('\n')
}
