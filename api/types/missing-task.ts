import type { SchemaParts } from '../parts.ts'

/** Work that should be in the backlog and is not. */
export function defineMissingTask({ builder, enums }: SchemaParts): void {
  builder.objectType('MissingTask', {
    description: 'A task that the declared graph asks for and that does not exist: a restored dump leaves such.',
    fields: (t) => ({
      pipeline: t.exposeString('pipeline', { description: 'The pipeline.' }),
      type: t.field({ type: enums.TaskType, description: 'The stage.', resolve: (row) => row.stage }),
      track: t.field({
        type: 'Track',
        nullable: true,
        description: 'The track that lacks it; null for other subjects.',
        resolve: (row, _args, { loaders }) => (row.pipeline === 'track' ? loaders.track(row.subjectId) : null),
      }),
    }),
  })

  builder.queryField('missingTasks', (t) =>
    t.field({
      type: ['MissingTask'],
      description: 'Tasks that should exist and do not. Empty in a healthy system; `addMissingTasks` mends it.',
      args: { first: t.arg.int({ defaultValue: 100, description: 'At most this many, up to 1000.' }) },
      complexity: ({ first }) => ({ field: 20, multiplier: Math.min(first ?? 100, 1000) }),
      resolve: async (_root, { first }, { client, pipelines }) => {
        const { rows } = await client.pool.query(
          `select pipeline, subject_id as "subjectId", stage from missing_tasks
           where pipeline = any ($1) order by pipeline, subject_id, stage limit $2`,
          [pipelines.map((pipeline) => pipeline.name), Math.max(0, Math.min(first ?? 100, 1000))],
        )
        return rows
      },
    }),
  )
  builder.mutationField('addMissingTasks', (t) =>
    t.int({
      description: 'Adds every missing task, and answers how many.',
      resolve: async (_root, _args, { client }) => {
        const { rows } = await client.pool.query<{ added: number }>('select backfill_tasks() as added')
        return rows[0].added
      },
    }),
  )
}
