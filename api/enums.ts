import type { Pipeline } from '../worker/engine/define.ts'
import type { Builder } from './builder.ts'

const STATUSES = {
  pending: 'Waits for a worker, or for the time of its next attempt.',
  running: 'A worker has it.',
  completed: 'Done; its output is stored.',
  failed: 'Every attempt failed; it can be retried.',
  skipped: 'Not needed for this subject; the reason says why.',
  awaiting_review: 'Drafted; waits for a person to approve or correct it.',
  canceled: 'Stopped by a person.',
}

const SOURCE_TYPES = {
  upload: 'A file sent to this server.',
  path: 'A file in one of the configured media folders.',
  url: 'Fetched from an address.',
  manual_spotify: 'Submitted by its Spotify id.',
  tiktok: 'Found behind a TikTok video.',
}

export type Enums = ReturnType<typeof defineEnums>

/** Every enumeration of the schema; stages and milestones come from the pipelines. */
export function defineEnums(builder: Builder, pipelines: readonly Pipeline[]) {
  const stages: Record<string, string> = {}
  for (const stage of pipelines.flatMap((pipeline) => pipeline.stages)) stages[stage.name] ??= stage.description
  return {
    TaskType: builder.enumType('TaskType', {
      description: 'The stages that the pipelines declare. A task is one stage of one subject.',
      values: valuesOf(stages),
    }),
    TaskStatus: builder.enumType('TaskStatus', {
      description: 'Where a task stands.',
      values: valuesOf(STATUSES),
    }),
    SourceType: builder.enumType('SourceType', {
      description: "Where a track's audio came from.",
      values: valuesOf(SOURCE_TYPES),
    }),
    milestones: new Map(
      pipelines.map((pipeline) => [
        pipeline.name,
        builder.enumType(`${pascalCase(pipeline.name)}Stage`, {
          description: `How far a ${pipeline.name} has come. Derived from its completed tasks, never set by hand.`,
          values: valuesOf(milestonesOf(pipeline)),
        }),
      ]),
    ),
  }
}

function milestonesOf(pipeline: Pipeline): Record<string, string> {
  const described = pipeline.milestones.map((milestone) => {
    const stages = pipeline.stages.filter((stage) => stage.milestone === milestone).map((stage) => stage.name)
    return [
      milestone,
      stages.length === 0
        ? 'Submitted.'
        : `Reached when ${stages.join(' and ')} and all earlier milestones have settled.`,
    ]
  })
  return Object.fromEntries(described)
}

function valuesOf(described: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(described).map(([value, description]) => [value.toUpperCase(), { value, description }]),
  )
}

/** `karaoke_lines` becomes `KaraokeLines`. */
export function pascalCase(name: string): string {
  return name
    .split('_')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('')
}
