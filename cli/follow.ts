import { setTimeout as delay } from 'node:timers/promises'
import { AppError, NotFound } from '../worker/errors.ts'
import type { ApiClient } from './client.ts'
import { createProgressView, type ProgressOutput, type StageLine } from './progress.ts'

export interface TrackTask {
  readonly id: string
  readonly type: string
  readonly item: string
  readonly status: string
  readonly progress: number
  readonly attempts: number
  readonly maxAttempts: number
  readonly errorMessage: string | null
  readonly reason: string | null
  readonly seconds: number | null
}

export interface TrackState {
  readonly id: string
  readonly title: string
  readonly stage: string
  readonly tasks: readonly TrackTask[]
  /** Why each stage that has not settled well waits. */
  readonly waiting: readonly { readonly stage: string; readonly item: string; readonly reason: string }[]
  /** What the encryption of the track stands on; null without a known artist. */
  readonly artist: { readonly tasks: readonly { readonly status: string }[] } | null
}

export const TRACK_STATE = `
  fragment TrackState on Track {
    id title stage
    tasks { id type item status progress attempts maxAttempts errorMessage reason seconds }
    waiting { stage item reason }
    artist { tasks { status } }
  }
`

const RECONNECT_MS = 500
/** A server that restarts is back by then. */
const AWAY_PATIENCE_MS = 60_000
const REFRESH_MS = 300
const LOOK_MS = 1_000
const OPEN = new Set(['PENDING', 'RUNNING'])

/** The present state of a track with its tasks; null when there is no such track. */
export async function readTrack(api: ApiClient, trackId: string): Promise<TrackState | null> {
  const { track } = await api.request<{ track: TrackState | null }>(
    `query ($id: ID!) { track(id: $id) { ...TrackState } } ${TRACK_STATE}`,
    { id: trackId },
  )
  return track
}

/** Whether nothing moves any more without somebody's doing: everything has settled, or waits for a person. */
export const isAtRest = (track: TrackState) =>
  track.tasks.length > 0 && ![...track.tasks, ...(track.artist?.tasks ?? [])].some((task) => OPEN.has(task.status))

/**
 * Follows a track through its subscription until it is at rest, and shows one live line for each stage. A server that goes away
 * for less than a minute is waited for.
 *
 * @throws NotFound when there is no such track, or no longer; ProviderUnavailable when the server stays away; the signal's reason
 */
export async function followTrack(
  api: ApiClient,
  trackId: string,
  stages: readonly string[],
  out: ProgressOutput,
  signal: AbortSignal,
): Promise<TrackState> {
  const view = createProgressView(out)
  let state = await requireTrack(api, trackId)
  view.update(stageLines(state, stages))
  const atRest = new AbortController()
  let changed = Promise.withResolvers<void>()
  const watching = watchTrack(api, trackId, () => changed.resolve(), AbortSignal.any([signal, atRest.signal]))
  try {
    while (!isAtRest(state)) {
      // The artist's work is not told by the track's subscription.
      await Promise.race([watching, changed.promise, delay(LOOK_MS, undefined, { signal })])
      changed = Promise.withResolvers()
      try {
        state = await requireTrack(api, trackId)
      } catch (error) {
        if (!isAway(error)) throw error
        changed.resolve()
      }
      view.update(stageLines(state, stages))
      // Many changes come at once; the state is read at most a few times a second.
      if (!isAtRest(state)) await delay(REFRESH_MS, undefined, { signal })
    }
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    atRest.abort()
    await watching.catch(() => {})
    view.end()
  }
  return state
}

/** Calls `onChange` whenever something happens to the track, and whenever something may have been missed. */
async function watchTrack(api: ApiClient, trackId: string, onChange: () => void, signal: AbortSignal): Promise<never> {
  let after: number | null = null
  let awaySince: number | null = null
  const onOpen = () => {
    awaySince = null
  }
  for (;;) {
    try {
      const events: AsyncGenerator<{ trackProgress: { seq: number } }> = api.subscribe(
        'subscription ($id: ID!, $after: SafeInt) { trackProgress(trackId: $id, after: $after) { seq } }',
        { id: trackId, after },
        { signal, onOpen },
      )
      for await (const { trackProgress } of events) {
        after = trackProgress.seq
        onChange()
      }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof AppError && !isAway(error)) throw error
      awaySince ??= Date.now()
      if (Date.now() - awaySince > AWAY_PATIENCE_MS) throw error
    }
    onChange()
    await delay(RECONNECT_MS, undefined, { signal })
  }
}

const isAway = (error: unknown) => error instanceof AppError && error.kind === 'PROVIDER_UNAVAILABLE'

async function requireTrack(api: ApiClient, trackId: string): Promise<TrackState> {
  const track = await readTrack(api, trackId)
  if (!track) throw new NotFound(`there is no track ${trackId}`)
  return track
}

/** One line for each stage in the pipeline's order; a stage that fans out shows its tasks one by one. */
export function stageLines(track: TrackState, stages: readonly string[]): StageLine[] {
  return stages.flatMap((stage): StageLine[] => {
    const tasks = track.tasks.filter((task) => task.type.toLowerCase() === stage)
    const why = (item: string) =>
      track.waiting.find((one) => one.stage.toLowerCase() === stage && one.item === item)?.reason ?? null
    if (tasks.length === 0) return [{ label: stage, status: 'waiting', fraction: 0, seconds: null, note: why('') }]
    return tasks.map((task) => ({
      label: task.item ? `${stage} ${task.item}` : stage,
      status: task.status.toLowerCase(),
      fraction: task.progress,
      seconds: task.seconds,
      note: task.errorMessage ?? task.reason ?? (task.status === 'COMPLETED' ? null : why(task.item)),
    }))
  })
}

/** The stages of a track in the order they are declared. */
export async function readStages(api: ApiClient): Promise<string[]> {
  const { pipelines } = await api.request<{ pipelines: { name: string; stages: { type: string }[] }[] }>(
    '{ pipelines { name stages { type } } }',
  )
  return pipelines.find((pipeline) => pipeline.name === 'track')?.stages.map((stage) => stage.type.toLowerCase()) ?? []
}
