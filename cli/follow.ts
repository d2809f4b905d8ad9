import type { ApiClient } from './client.ts'
import { createProgressView, type StageLine } from './progress.ts'

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
}

export const TRACK_STATE = `
  fragment TrackState on Track {
    id title stage
    tasks { id type item status progress attempts maxAttempts errorMessage reason seconds }
    waiting { stage item reason }
  }
`

const RECONNECT_MS = 500
const REFRESH_MS = 300
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
  track.tasks.length > 0 && track.tasks.every((task) => !OPEN.has(task.status))

/**
 * Follows a track through its subscription until it is at rest, and shows one live line for each stage. A broken connection is
 * taken up again after the last event seen, so that nothing is missed.
 */
export async function followTrack(
  api: ApiClient,
  trackId: string,
  stages: readonly string[],
  out: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<TrackState> {
  const view = createProgressView(out)
  let state = await readTrack(api, trackId)
  if (!state) throw new Error(`there is no track ${trackId}`)
  view.update(stageLines(state, stages))
  let after: number | null = null
  while (!isAtRest(state)) {
    const watch = new AbortController()
    const events: AsyncGenerator<{ trackProgress: { seq: number } }> = api.subscribe(
      'subscription ($id: ID!, $after: SafeInt) { trackProgress(trackId: $id, after: $after) { seq } }',
      { id: trackId, after },
      AbortSignal.any([signal, watch.signal]),
    )
    try {
      let readAt = 0
      for await (const { trackProgress } of events) {
        after = trackProgress.seq
        // Many events come at once; the state is read again at most a few times a second, and once more when it is quiet.
        const wait = readAt + REFRESH_MS - Date.now()
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
        readAt = Date.now()
        state = (await readTrack(api, trackId)) ?? state
        view.update(stageLines(state, stages))
        if (isAtRest(state)) break
      }
    } catch (error) {
      signal.throwIfAborted()
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS))
      const now = await readTrack(api, trackId).catch(() => null)
      if (!now) throw error
      state = now
    } finally {
      watch.abort()
    }
  }
  view.end()
  return state
}

/** One line for each stage in the pipeline's order; a stage that fans out shows its tasks one by one. */
export function stageLines(track: TrackState, stages: readonly string[]): StageLine[] {
  return stages.flatMap((stage): StageLine[] => {
    const tasks = track.tasks.filter((task) => task.type.toLowerCase() === stage)
    const why = (item: string) => track.waiting.find((one) => one.stage.toLowerCase() === stage && one.item === item)?.reason ?? null
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
