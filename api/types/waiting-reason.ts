import type { SchemaParts } from '../parts.ts'

/** Why a stage has not settled. */
export function defineWaitingReason({ builder, enums }: SchemaParts): void {
  builder.objectType('WaitingReason', {
    description: 'The unmet condition of a stage that has not settled well.',
    fields: (t) => ({
      stage: t.field({ type: enums.TaskType, description: 'The stage that waits.', resolve: (row) => row.stage }),
      item: t.exposeString('item', { description: 'Which of several parallel runs; empty when there is one.' }),
      status: t.exposeString('status', { description: "The task's status, or `not_ready` while it has no task yet." }),
      reason: t.exposeString('reason', { description: 'What it waits for, in words.' }),
      task: t.field({
        type: 'Task',
        nullable: true,
        description: 'The task; null until everything it stands on has settled.',
        resolve: ({ taskId }, _args, { loaders }) => (taskId === null ? null : loaders.task(taskId)),
      }),
    }),
  })
}
