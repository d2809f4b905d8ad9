import { InvalidInput } from '../../worker/errors.ts'
import type { ApiClient } from '../client.ts'
import { readStages } from '../follow.ts'
import { oneLine } from '../text.ts'
import { numberOption, requirePositional, textOption } from './arguments.ts'
import type { Command } from './index.ts'
import { trackIdOf } from './track-id.ts'

interface Outcome {
  readonly trackId: string
  readonly taskId?: string
  readonly wasAdded?: boolean
  readonly undone?: readonly string[]
  readonly error?: string
}

export const run: Command = {
  name: 'run',
  usage: 'run STAGE (--track TRACK | --limit N) [--dependents]',
  words: 1,
  summary: 'runs a stage for one track, or for up to N tracks whose task of that stage failed',
  options: {
    track: { type: 'string' },
    trackId: { type: 'string' },
    limit: { type: 'string' },
    dependents: { type: 'boolean' },
  },
  async run(invocation) {
    const { api, isJson, print, values } = invocation
    const stage = requirePositional(invocation, 0, 'a stage: refrain run align --track Track:1')
      .toLowerCase()
      .replaceAll('-', '_')
    const track = textOption(invocation, 'track') ?? textOption(invocation, 'trackId')
    if (!track && values.limit === undefined)
      throw new InvalidInput('expected --track TRACK or --limit N', { details: { usage: true } })
    const limit = numberOption(invocation, 'limit', 100, 100)
    const stages = await readStages(api)
    if (!stages.includes(stage))
      throw new InvalidInput(`there is no stage ${stage}, only ${stages.join(', ')}`, { details: { usage: true } })
    const trackIds = track ? [await trackIdOf(api, track)] : await failedTracks(api, stage, limit)
    const outcomes: Outcome[] = []
    for (const trackId of trackIds) {
      outcomes.push(await (values.dependents ? rerun(api, stage, trackId) : runStage(api, stage, trackId)))
    }
    const failed = outcomes.filter((outcome) => outcome.error !== undefined)
    if (isJson) print(JSON.stringify(outcomes))
    else {
      for (const outcome of outcomes) print(oneLine(`${outcome.trackId}: ${outcome.error ?? describe(outcome)}`))
      print(`${outcomes.length - failed.length} succeeded, ${failed.length} failed`)
    }
    return failed.length > 0 ? 1 : 0
  },
}

function describe({ taskId, wasAdded, undone }: Outcome): string {
  if (undone) return `${undone.join(', ')} ${undone.length === 1 ? 'goes' : 'go'} into the backlog`
  return `${taskId} ${wasAdded ? 'goes into the backlog' : 'waits or runs already'}`
}

/** Asks for the stage by its own mutation; the name is derived as the API derives it. */
async function runStage(api: ApiClient, stage: string, trackId: string): Promise<Outcome> {
  const field = `runTrack${stage
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')}`
  const { [field]: answer } = await api.request<
    Record<string, { task?: { id: string }; wasAdded?: boolean; message?: string; code?: string }>
  >(
    `mutation ($id: ID!) { ${field}(trackId: $id) { ... on StageRequest { task { id } wasAdded } ... on Error { message code } } }`,
    { id: trackId },
  )
  if (answer.message) return { trackId, error: answer.message }
  return { trackId, taskId: answer.task?.id ?? '', wasAdded: answer.wasAdded ?? true }
}

async function rerun(api: ApiClient, stage: string, trackId: string): Promise<Outcome> {
  const { rerunTrack } = await api.request<{ rerunTrack: { undone?: string[]; message?: string; code?: string } }>(
    `mutation ($id: ID!, $from: TaskType!) {
      rerunTrack(trackId: $id, from: $from) { ... on RerunTrack { undone } ... on Error { message code } }
    }`,
    { id: trackId, from: stage.toUpperCase() },
  )
  if (rerunTrack.message) return { trackId, error: rerunTrack.message }
  return { trackId, undone: (rerunTrack.undone ?? []).map((name) => name.toLowerCase()) }
}

async function failedTracks(api: ApiClient, stage: string, limit: number): Promise<string[]> {
  const { tasks } = await api.request<{ tasks: { edges: { node: { track: { id: string } | null } }[] } }>(
    'query ($first: Int!, $type: [TaskType!]) { tasks(first: $first, type: $type, status: [FAILED, CANCELED]) { edges { node { track { id } } } } }',
    { first: limit, type: [stage.toUpperCase()] },
  )
  return [...new Set(tasks.edges.flatMap((edge) => (edge.node.track ? [edge.node.track.id] : [])))]
}
