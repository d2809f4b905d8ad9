import type { SchemaParts } from '../parts.ts'

/** Numbers for dashboards. */
export function defineCounts({ builder, enums, pipelines }: SchemaParts): void {
  const TrackStage = enums.milestones.get('track')
  if (!TrackStage) return
  const stages = pipelines.flatMap((pipeline) => pipeline.stages.map((stage) => stage.name))

  const TaskSummary = builder
    .objectRef<{ pipeline: string; stage: string; status: string; tasks: number }>('TaskSummary')
    .implement({
      description: 'How many tasks of a stage stand where.',
      fields: (t) => ({
        pipeline: t.exposeString('pipeline', { description: 'The pipeline the stage belongs to.' }),
        type: t.field({ type: enums.TaskType, description: 'The stage.', resolve: (row) => row.stage }),
        status: t.field({
          type: enums.TaskStatus,
          description: 'Where the tasks stand.',
          resolve: (row) => row.status,
        }),
        tasks: t.exposeInt('tasks', { description: 'How many there are.' }),
      }),
    })
  const TrackCount = builder.objectRef<{ sourceType: string; stage: string; tracks: number }>('TrackCount').implement({
    description: 'How many tracks of a source have come how far.',
    fields: (t) => ({
      sourceType: t.field({
        type: enums.SourceType,
        description: 'Where their audio came from.',
        resolve: (row) => row.sourceType,
      }),
      stage: t.field({ type: TrackStage, description: 'How far they have come.', resolve: (row) => row.stage }),
      tracks: t.exposeInt('tracks', { description: 'How many there are.' }),
    }),
  })

  builder.queryFields((t) => ({
    taskSummary: t.field({
      type: [TaskSummary],
      description: 'How many tasks stand where, by pipeline, stage and status.',
      complexity: { field: 20, multiplier: 10 },
      resolve: async (_root, _args, { client }) => {
        const { rows } = await client.pool.query(
          `select pipeline, task_type as stage, status, tasks from task_summary
           where task_type = any ($1) order by pipeline, task_type, status`,
          [stages],
        )
        return rows
      },
    }),
    trackCounts: t.field({
      type: [TrackCount],
      description: 'How many tracks there are, by source and stage.',
      complexity: { field: 20, multiplier: 10 },
      resolve: async (_root, _args, { client }) => {
        const { rows } = await client.pool.query(
          `select source_type as "sourceType", stage, count(*) as tracks from tracks group by 1, 2 order by 1, 2`,
        )
        return rows
      },
    }),
  }))
}
