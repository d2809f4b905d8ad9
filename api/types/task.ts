import { and, eq, inArray } from 'drizzle-orm'
import { tasks } from '../../worker/db/tables.ts'
import { rowId } from '../ids.ts'
import { connectionComplexity, connectionOf, newestFirst } from '../newest-first.ts'
import type { SchemaParts } from '../parts.ts'
import { taskColumns } from '../rows.ts'

const SETTLED = ['completed', 'skipped']

/** One stage of one subject, and the queries that find it. */
export function defineTask({ builder, enums, pipelines }: SchemaParts): void {
  // Rows of stages that are no longer declared stay as history; they have no place in the enumeration.
  const stages = [...new Set(pipelines.flatMap((pipeline) => pipeline.stages.map((stage) => stage.name)))]

  builder.node('Task', {
    description: 'One stage of one subject: whether it waits, runs or is done, and what came of it.',
    id: { resolve: (task) => task.id, description: 'Global id.' },
    loadMany: (ids, { loaders }) => Promise.all(ids.map((id) => loaders.task(Number(id)))),
    fields: (t) => ({
      pipeline: t.exposeString('pipeline', { description: 'Which pipeline it belongs to.' }),
      type: t.field({ type: enums.TaskType, description: 'The stage it runs.', resolve: (task) => task.stage }),
      item: t.exposeString('item', {
        description: 'Which of several parallel runs: a language, a chunk; empty when there is one.',
      }),
      status: t.field({ type: enums.TaskStatus, description: 'Where it stands.', resolve: (task) => task.status }),
      attempts: t.exposeInt('attempts', { description: 'Attempts begun since it was last started afresh.' }),
      maxAttempts: t.exposeInt('maxAttempts', { description: 'Attempts it gets before it fails for good.' }),
      nextRetryAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When the next attempt may begin; null unless it waits after a failed one.',
        resolve: (task) => task.nextRetryAt,
      }),
      progress: t.exposeFloat('progress', { description: 'How far the present or last attempt has come, 0 to 1.' }),
      errorMessage: t.exposeString('errorMessage', {
        nullable: true,
        description: 'Why the last attempt failed; null when it did not.',
      }),
      errorDetails: t.field({
        type: 'JSON',
        nullable: true,
        description: 'Facts about the failure for programs; null when there are none.',
        resolve: (task) => task.errorDetails,
      }),
      reason: t.exposeString('reason', {
        nullable: true,
        description: 'Why it was skipped or canceled; null when it was neither.',
      }),
      waitingReason: t.string({
        nullable: true,
        description: 'What it waits for or why it stopped, in words; null when it has settled well.',
        complexity: 5,
        resolve: async (task, _args, { loaders }) => {
          if (SETTLED.includes(task.status)) return null
          const waiting = await loaders.waiting(`${task.pipeline}:${task.subjectId}`)
          return waiting?.find((row) => row.taskId === task.id)?.reason ?? null
        },
      }),
      output: t.field({
        type: 'JSON',
        nullable: true,
        description: "The stage's result; null until there is one. Can be large.",
        complexity: 5,
        resolve: async (task, _args, { loaders }) => (await loaders.taskOutput(task.id))?.output ?? null,
      }),
      artifacts: t.field({
        type: ['Artifact'],
        description: 'The files it made.',
        resolve: async (task, _args, { loaders }) => (await loaders.artifactsOfTask(task.id)) ?? [],
      }),
      seconds: t.float({
        nullable: true,
        description: 'How long the last attempt took; null until it has settled.',
        resolve: ({ startedAt, settledAt }) =>
          startedAt && settledAt ? Math.max(0, (settledAt.getTime() - startedAt.getTime()) / 1000) : null,
      }),
      metadata: t.field({
        type: 'JSON',
        description: 'What else was noted about it.',
        resolve: (task) => task.metadata,
      }),
      workerId: t.exposeString('workerId', {
        nullable: true,
        description: 'The worker that runs it; null when none does.',
      }),
      track: t.field({
        type: 'Track',
        nullable: true,
        description: 'The track it belongs to; null for tasks of other subjects.',
        resolve: (task, _args, { loaders }) => (task.pipeline === 'track' ? loaders.track(task.subjectId) : null),
      }),
      createdAt: t.field({ type: 'DateTime', description: 'When it was added.', resolve: (task) => task.createdAt }),
      startedAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When the last attempt began; null before the first.',
        resolve: (task) => task.startedAt,
      }),
      settledAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When it settled; null while it has not.',
        resolve: (task) => task.settledAt,
      }),
    }),
  })

  builder.queryField('tasks', (t) =>
    t.connection(
      {
        type: 'Task',
        description: 'Tasks of all subjects, newest first: what waits, what runs, what failed.',
        complexity: connectionComplexity,
        args: {
          status: t.arg({ type: [enums.TaskStatus], description: 'Only tasks that stand at one of these.' }),
          type: t.arg({ type: [enums.TaskType], description: 'Only tasks of these stages.' }),
          trackId: t.arg.id({ description: 'Only tasks of this track.' }),
          artistId: t.arg.id({ description: 'Only tasks of this artist.' }),
        },
        resolve: (_root, args, { client }) =>
          newestFirst(args, tasks.id, ({ conditions, order, limit }) => {
            conditions.push(inArray(tasks.stage, args.type ? [...args.type] : stages))
            if (args.status) conditions.push(inArray(tasks.status, [...args.status] as (typeof tasks.status._.data)[]))
            if (args.trackId) {
              conditions.push(eq(tasks.pipeline, 'track'), eq(tasks.subjectId, rowId(args.trackId, 'Track', 'trackId')))
            }
            if (args.artistId) {
              const artistId = rowId(args.artistId, 'Artist', 'artistId')
              conditions.push(eq(tasks.pipeline, 'artist'), eq(tasks.subjectId, artistId))
            }
            return client.database
              .select(taskColumns)
              .from(tasks)
              .where(and(...conditions))
              .orderBy(order)
              .limit(limit)
          }),
      },
      ...connectionOf('Task'),
    ),
  )
}
