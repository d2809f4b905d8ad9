import { readWorkers, type WorkerRow } from '../health.ts'
import type { SchemaParts } from '../parts.ts'

/** The processes that do the work. */
export function defineWorker({ builder }: SchemaParts): void {
  const Worker = builder.objectRef<WorkerRow>('Worker').implement({
    description: 'A process that takes tasks.',
    fields: (t) => ({
      name: t.exposeString('id', { description: 'Its name in logs and in `Task.workerId`.' }),
      host: t.exposeString('host', { description: 'The machine it runs on.' }),
      pid: t.exposeInt('pid', { nullable: true, description: 'Its process id; null when it did not say.' }),
      queues: t.field({ type: ['String'], description: 'The queues it serves.', resolve: (worker) => worker.queues }),
      isAlive: t.exposeBoolean('isAlive', {
        description: 'Whether it still holds its lock; the tasks of a dead one return to the backlog.',
      }),
      runningTasks: t.exposeInt('runningTasks', { description: 'How many tasks it runs now.' }),
      startedAt: t.field({ type: 'DateTime', description: 'When it started.', resolve: (worker) => worker.startedAt }),
    }),
  })
  builder.queryField('workers', (t) =>
    t.field({
      type: [Worker],
      description: 'The workers, oldest first.',
      complexity: { field: 10, multiplier: 10 },
      resolve: (_root, _args, { client }) => readWorkers(client.pool),
    }),
  )
}
