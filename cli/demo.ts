import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Config, readConfig } from '../worker/config.ts'
import { isFreePort } from '../worker/db/postgres/port.ts'
import { InvalidInput } from '../worker/errors.ts'
import { createLog } from '../worker/log.ts'
import { readCheckedConfig } from '../worker/process.ts'
import { type ApiClient, asError, createApiClient } from './client.ts'
import { table } from './commands/arguments.ts'
import { readFiles, saveFiles } from './files.ts'
import { followTrack, readStages, type TrackState } from './follow.ts'
import { unlockOwnSong } from './own-song-on-chain.ts'
import { startServices } from './services.ts'
import { StoppedByPerson, stopSignal } from './stop-signal.ts'
import { checkFiles, type Submission, submitSong, titleOf } from './submit.ts'
import { messageOf } from './text.ts'

/**
 * `npm run demo [-- song lyrics]`: starts what is needed, submits the song through GraphQL as a dApp would, follows it, and says
 * where the results are. Ends with 0 when everything was made.
 */
const OWN_SONG = fileURLToPath(new URL('../song/', import.meta.url))

process.exitCode = await main().catch((error) => {
  if (error instanceof StoppedByPerson) {
    process.stderr.write('\nStopped. What was finished is kept: the same command goes on from there.\n')
    return 130
  }
  process.stderr.write(`\n${messageOf(error)}\n`)
  return 1
})

async function main(): Promise<number> {
  const submission = await readSubmission()
  // A server of its own, beside one that may be running; links lead to it and not to a public address. Where `npm start` will be
  // if it can, since manifests name the key gate's address for good.
  const { PORT: usual } = readConfig({})
  const environment = {
    ...process.env,
    PORT: process.env.PORT || ((await isFreePort(usual)) ? String(usual) : '0'),
    INDEXER_PORT: process.env.INDEXER_PORT || '0',
    PUBLIC_URL: undefined,
  }
  const config = readCheckedConfig(environment)
  const log = createLog(config.LOG_LEVEL === 'info' ? 'warn' : config.LOG_LEVEL)
  const logFolder = join(config.REFRAIN_DATA_DIR, 'logs')
  const signal = stopSignal()
  say(`Refrain starts: PostgreSQL, chain, indexer, API, worker … (logs in ${shown(logFolder)})`)
  const services = await startServices({ config, log, logFolder, signal })
  try {
    const api = createApiClient(services.apiUrl, config.API_TOKEN)
    return await Promise.race([makeKaraoke(api, submission, config, services.chainUrl, signal), services.failed])
  } finally {
    await services.stop()
  }
}

async function makeKaraoke(
  api: ApiClient,
  submission: Submission,
  config: Config,
  chainUrl: string | null,
  signal: AbortSignal,
): Promise<number> {
  const startedAt = performance.now()
  const stages = await readStages(api)
  const trackId = await submitSong(api, submission)
  say(`${titleOf(submission)} is ${trackId}\n`)
  await retryFailed(api, trackId)
  const track = await followTrack(api, trackId, stages, process.stdout, signal)
  const failed = track.tasks.filter((task) => task.status === 'FAILED' || task.status === 'CANCELED')
  await showResults(api, track, stages, config, signal)
  if (chainUrl && isEncrypted(track)) await unlockOwnSong(api, trackId, { chainUrl, say, signal })
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  if (failed.length > 0) {
    explainFailure(failed, config)
    return 1
  }
  const { HOST, PORT } = readConfig()
  say(`\nDone in ${seconds} s. \`npm start\` serves it all${PORT === 0 ? '' : ` at http://${HOST}:${PORT}/graphql`}`)
  return 0
}

function isEncrypted(track: TrackState): boolean {
  return track.tasks.some((task) => task.type === 'ENCRYPT' && task.status === 'COMPLETED')
}

async function showResults(
  api: ApiClient,
  track: TrackState,
  stages: readonly string[],
  config: Config,
  signal: AbortSignal,
): Promise<void> {
  const place = (task: TrackState['tasks'][number]) => stages.indexOf(task.type.toLowerCase())
  const rows = track.tasks
    .toSorted((a, b) => place(a) - place(b))
    .map((task) =>
      task.status === 'COMPLETED'
        ? [nameOf(task), (task.seconds ?? 0).toFixed(1).padStart(7), '']
        : [nameOf(task), '', [task.status.toLowerCase(), task.reason].filter(Boolean).join(': ')],
    )
  say('\nSeconds per stage')
  for (const row of table(rows, Number.POSITIVE_INFINITY)) say(`  ${row}`)
  const files = await readFiles(api, track.id)
  if (files.length === 0) return
  const folder = join(config.REFRAIN_DATA_DIR, 'results', track.id.replaceAll(/\W+/g, '-'))
  const paths = await saveFiles(files, folder, signal)
  say('\nFiles')
  for (const [at, file] of files.entries())
    say(`  ${(file.sizeBytes / 1e6).toFixed(2).padStart(8)} MB  ${shown(paths[at])}`)
}

function explainFailure(failed: TrackState['tasks'], config: Config): void {
  for (const task of failed) {
    const attempts = `after ${task.attempts} of ${task.maxAttempts} attempts`
    const reason = task.errorMessage ?? task.reason ?? 'no reason given'
    say(`\n${nameOf(task)} ${task.status.toLowerCase()} ${attempts}: ${reason}`)
    say(`  try again: the same command once more; or, with \`npm start\` running, npx refrain retry ${task.id}`)
  }
  say(`\n${failed.length} failed. The worker's log: ${shown(join(config.REFRAIN_DATA_DIR, 'logs', 'worker.log'))}`)
}

function nameOf(task: TrackState['tasks'][number]): string {
  return `${task.type.toLowerCase()}${task.item ? ` ${task.item}` : ''}`
}

/** A path as it is shortest from here. */
function shown(path: string): string {
  const short = relative('.', path) || '.'
  return short.startsWith('..') ? path : short
}

/** What failed in an earlier run is tried again; what was finished stays. */
async function retryFailed(api: ApiClient, trackId: string): Promise<void> {
  const { track } = await api.request<{ track: { tasks: { id: string }[] } | null }>(
    'query ($id: ID!) { track(id: $id) { tasks(status: [FAILED, CANCELED]) { id } } }',
    { id: trackId },
  )
  for (const task of track?.tasks ?? []) {
    const { retryTask } = await api.request<{ retryTask: { message?: string; code?: string } }>(
      'mutation ($id: ID!) { retryTask(taskId: $id) { ... on Error { message code } } }',
      { id: task.id },
    )
    if (retryTask.message) throw asError(retryTask)
  }
}

async function readSubmission(): Promise<Submission> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { title: { type: 'string' }, artist: { type: 'string', multiple: true }, language: { type: 'string' } },
  })
  const [songPath, lyricsPath, ...rest] = positionals
  if (rest.length > 0)
    throw new InvalidInput(
      `expected a song and its lyrics, got also ${rest.join(' ')}: npm run demo -- song.mp3 lyrics.txt`,
    )
  if (!songPath) return await ownSong()
  const submission = {
    songPath,
    ...(lyricsPath ? { lyricsPath } : {}),
    ...(values.title ? { title: values.title } : {}),
    ...(values.artist ? { artists: values.artist } : {}),
    ...(values.language ? { language: values.language } : {}),
  }
  await checkFiles(submission)
  return submission
}

async function ownSong(): Promise<Submission> {
  const truth = JSON.parse(await readFile(join(OWN_SONG, 'truth.json'), 'utf8')) as { title: string; artist: string }
  return {
    songPath: join(OWN_SONG, 'lantern-road.mp3'),
    lyricsPath: join(OWN_SONG, 'lyrics.txt'),
    title: truth.title,
    artists: [truth.artist],
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
