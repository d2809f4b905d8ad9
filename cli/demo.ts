import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Config, readConfig } from '../worker/config.ts'
import { InvalidInput } from '../worker/errors.ts'
import { createLog } from '../worker/log.ts'
import { type ApiClient, createApiClient } from './client.ts'
import { readFiles, saveFiles } from './files.ts'
import { followTrack, readStages, type TrackState } from './follow.ts'
import { startServices } from './services.ts'
import { type Submission, submitSong } from './submit.ts'

/**
 * `npm run demo [-- song lyrics]`: starts what is needed, submits the song through GraphQL as a dApp would, follows it, and says
 * where the results are. Ends with 0 when everything was made.
 */
const OWN_SONG = fileURLToPath(new URL('../song/', import.meta.url))

process.exitCode = await main().catch((error) => {
  process.stderr.write(`\n${error instanceof Error ? error.message : error}\n`)
  return 1
})

async function main(): Promise<number> {
  const submission = await readSubmission()
  const config = readConfig({ PORT: '0', ...process.env })
  const log = createLog(config.LOG_LEVEL === 'info' ? 'warn' : config.LOG_LEVEL)
  const logFolder = join(config.REFRAIN_DATA_DIR, 'logs')
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => controller.abort(new Error('stopped')))
  say(`Refrain starts: PostgreSQL, API, worker … (logs in ${relative('.', logFolder) || '.'})`)
  const services = await startServices({ config, log, logFolder })
  try {
    const api = createApiClient(services.apiUrl, config.API_TOKEN)
    return await Promise.race([makeKaraoke(api, submission, config, controller.signal), services.failed])
  } finally {
    await services.stop()
  }
}

async function makeKaraoke(
  api: ApiClient,
  submission: Submission,
  config: Config,
  signal: AbortSignal,
): Promise<number> {
  const startedAt = performance.now()
  const stages = await readStages(api)
  const trackId = await submitSong(api, submission)
  say(`${submission.title ?? relative('.', submission.songPath)} is ${trackId}\n`)
  await retryFailed(api, trackId)
  const track = await followTrack(api, trackId, stages, process.stdout, signal)
  const failed = track.tasks.filter((task) => task.status === 'FAILED' || task.status === 'CANCELED')
  if (failed.length > 0) return explainFailure(failed)
  await showResults(api, track, config, signal)
  say(
    `\nDone in ${((performance.now() - startedAt) / 1000).toFixed(1)} s. \`npm start\` serves it all at http://${config.HOST}:4000/graphql`,
  )
  return 0
}

async function showResults(api: ApiClient, track: TrackState, config: Config, signal: AbortSignal): Promise<void> {
  say('\nSeconds per stage')
  for (const task of track.tasks) {
    const name = `${task.type.toLowerCase()}${task.item ? ` ${task.item}` : ''}`
    say(
      `  ${name.padEnd(18)} ${task.status === 'SKIPPED' ? `skipped: ${task.reason}` : (task.seconds ?? 0).toFixed(1).padStart(7)}`,
    )
  }
  const folder = join(config.REFRAIN_DATA_DIR, 'results', track.id.replaceAll(/\W+/g, '-'))
  const files = await readFiles(api, track.id)
  await saveFiles(files, folder, signal)
  say('\nFiles')
  for (const file of files)
    say(`  ${(file.sizeBytes / 1e6).toFixed(2).padStart(8)} MB  ${relative('.', join(folder, file.name))}`)
}

function explainFailure(failed: TrackState['tasks']): number {
  for (const task of failed) {
    say(
      `\n${task.type.toLowerCase()} ${task.status.toLowerCase()} after ${task.attempts} of ${task.maxAttempts} attempts: ${task.errorMessage ?? task.reason ?? 'no reason given'}`,
    )
    say(`  try again: run the same command once more; or, with \`npm start\` running: npx refrain retry ${task.id}`)
  }
  return 1
}

/** What failed in an earlier run is tried again; what was finished stays. */
async function retryFailed(api: ApiClient, trackId: string): Promise<void> {
  const { track } = await api.request<{ track: { tasks: { id: string; status: string }[] } | null }>(
    'query ($id: ID!) { track(id: $id) { tasks { id status } } }',
    { id: trackId },
  )
  for (const task of track?.tasks ?? []) {
    if (task.status !== 'FAILED' && task.status !== 'CANCELED') continue
    await api.request('mutation ($id: ID!) { retryTask(taskId: $id) { __typename } }', { id: task.id })
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
  return {
    songPath,
    ...(lyricsPath ? { lyricsPath } : {}),
    ...(values.title ? { title: values.title } : {}),
    ...(values.artist ? { artists: values.artist } : {}),
    ...(values.language ? { language: values.language } : {}),
  }
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
