import type { StageBacklogRow } from '../backlog.ts'
import { readBacklog } from '../backlog.ts'
import type { SchemaParts } from '../parts.ts'

/** What waits at each stage, and how it changes. */
export function defineBacklog({ builder, enums }: SchemaParts): void {
  const StageBacklog = builder.objectRef<StageBacklogRow>('StageBacklog').implement({
    description: 'What waits at one stage of one pipeline.',
    fields: (t) => ({
      pipeline: t.exposeString('pipeline', { description: 'The pipeline the stage belongs to.' }),
      type: t.field({ type: enums.TaskType, description: 'The stage.', resolve: (row) => row.stage }),
      queue: t.exposeString('queue', { description: 'The queue whose workers run it.' }),
      pending: t.exposeInt('pending', { description: 'Tasks that wait for a worker.' }),
      running: t.exposeInt('running', { description: 'Tasks that run now.' }),
      failed: t.exposeInt('failed', { description: 'Tasks that have failed for good.' }),
      awaitingReview: t.exposeInt('awaitingReview', { description: 'Tasks that wait for a person.' }),
      subjects: t.exposeInt('subjects', {
        description: 'Subjects whose next work is here: waiting, running, in review, or missing a task.',
      }),
      medianSeconds: t.exposeFloat('medianSeconds', {
        nullable: true,
        description: 'Median length of its last 20 runs; null before the first.',
      }),
      etaSeconds: t.exposeFloat('etaSeconds', {
        nullable: true,
        description: 'Seconds until its backlog should be empty; null while no run has been measured.',
      }),
    }),
  })

  builder.queryField('backlog', (t) =>
    t.field({
      type: [StageBacklog],
      description: 'What waits at every stage, in the order of the pipelines.',
      complexity: { field: 20, multiplier: 20 },
      resolve: (_root, _args, { client, pipelines }) => readBacklog(client.pool, pipelines),
    }),
  )
  builder.subscriptionField('backlogChanges', (t) =>
    t.field({
      type: [StageBacklog],
      description: 'What waits at every stage: now, and whenever the counts change, at most twice a second.',
      complexity: { field: 20, multiplier: 20 },
      subscribe: (_root, _args, { hub }) => hub.backlog(),
      resolve: (rows) => [...rows],
    }),
  )
}
