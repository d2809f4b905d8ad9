import type { AnyStage, Pipeline } from '../worker/engine/define.ts'
import { requestStage, reviewTask } from '../worker/engine/tasks.ts'
import { NotFound } from '../worker/errors.ts'
import { pascalCase } from './enums.ts'
import type { SubjectEvent } from './hub-event.ts'
import { rowId } from './ids.ts'
import type { Loaders } from './loaders.ts'
import type { SchemaParts } from './parts.ts'
import type { ArtistRow, TrackRow } from './rows.ts'

export interface StageRequest {
  readonly taskId: number
  readonly wasAdded: boolean
}

/** GraphQL types of the subjects, by pipeline. A pipeline's subject gets its line here. */
const SUBJECT_TYPES: Readonly<Record<string, Subject>> = { track: 'Track', artist: 'Artist' }
type Subject = 'Track' | 'Artist'

/** Reads a subject by its type. */
function loadSubject(loaders: Loaders, subject: Subject, id: number): Promise<TrackRow | ArtistRow | undefined> {
  return subject === 'Track' ? loaders.track(id) : loaders.artist(id)
}

/** For every stage a mutation, for every gate an approval, for every kind of subject a subscription. */
export function defineDerived(parts: SchemaParts): void {
  const { builder, errors } = parts
  builder.objectType('StageRequest', {
    description: 'The answer to asking for a stage.',
    fields: (t) => ({
      task: t.field({
        type: 'Task',
        description: 'The task that runs the stage; for a stage that fans out, the first of its tasks.',
        resolve: async ({ taskId }, _args, { loaders }) => {
          const task = await loaders.task(taskId)
          if (!task) throw new NotFound(`task ${taskId} has been removed meanwhile`)
          return task
        },
      }),
      wasAdded: t.exposeBoolean('wasAdded', {
        description: 'Whether this request set it going; false when it waited or ran already.',
      }),
    }),
  })
  const result = errors.resultOf('StageRequest')
  for (const pipeline of parts.pipelines) {
    const subject = SUBJECT_TYPES[pipeline.name]
    if (!subject)
      throw new Error(`pipeline ${pipeline.name} has no GraphQL type: add it to SUBJECT_TYPES in api/pipelines.ts`)
    for (const stage of pipeline.stages) {
      defineRun(parts, pipeline, stage, subject, result)
      if (stage.isGate) defineApproval(parts, pipeline, stage, subject, result)
    }
    defineSubscription(parts, pipeline, subject)
  }
}

type ResultRef = ReturnType<SchemaParts['errors']['resultOf']>

function defineRun({ builder }: SchemaParts, pipeline: Pipeline, stage: AnyStage, subject: string, type: ResultRef) {
  const idName = `${pipeline.name}Id`
  builder.mutationField(`run${pascalCase(pipeline.name)}${pascalCase(stage.name)}`, (t) =>
    t.field({
      type,
      description: `Asks for the stage ${stage.name}: ${stage.description}. Asking twice runs it once.`,
      args: { [idName]: t.arg.id({ required: true, description: `The ${pipeline.name} to run it for.` }) },
      resolve: (_root, args: Record<string, string>, { client }) =>
        requestStage(client.pool, pipeline.name, rowId(args[idName], subject, idName), stage.name),
    }),
  )
}

function defineApproval(
  { builder }: SchemaParts,
  pipeline: Pipeline,
  stage: AnyStage,
  subject: string,
  type: ResultRef,
) {
  const idName = `${pipeline.name}Id`
  builder.mutationField(`approve${pascalCase(pipeline.name)}${pascalCase(stage.name)}`, (t) =>
    t.field({
      type,
      description: `Approves the draft of ${stage.name}, or replaces it by a corrected one; then the work goes on.`,
      args: {
        [idName]: t.arg.id({ required: true, description: `The ${pipeline.name} it was drafted for.` }),
        item: t.arg.string({
          defaultValue: '',
          description: 'Which of several parallel runs; empty when there is one.',
        }),
        corrected: t.arg({
          type: 'JSON',
          description: 'A draft of the same shape to put in its place; absent to approve it as it is.',
        }),
      },
      resolve: async (_root, { item, corrected, ...args }, { client }) => {
        const subjectId = rowId(String(args[idName]), subject, idName)
        const { rows } = await client.pool.query<{ id: number }>(
          'select id from tasks where pipeline = $1 and subject_id = $2 and stage = $3 and item = $4',
          [pipeline.name, subjectId, stage.name, String(item ?? '')],
        )
        if (!rows[0]) throw new NotFound(`${pipeline.name} ${subjectId} has no draft of ${stage.name}`)
        await reviewTask(client.pool, stage, rows[0].id, corrected ?? undefined)
        return { taskId: rows[0].id, wasAdded: true }
      },
    }),
  )
}

function defineSubscription({ builder, enums, pipelines }: SchemaParts, pipeline: Pipeline, subject: Subject) {
  const name = pascalCase(pipeline.name)
  const field = name.charAt(0).toLowerCase() + name.slice(1)
  const milestones = enums.milestones.get(pipeline.name)
  if (!milestones) throw new Error(`pipeline ${pipeline.name} has no milestones`)
  const stages = new Set(pipelines.flatMap(({ stages }) => stages.map((stage) => stage.name)))

  const Progress = builder.objectRef<SubjectEvent>(`${name}Progress`).implement({
    description: `One change of a ${pipeline.name}: of a task, or of how far it has come.`,
    fields: (t) => ({
      seq: t.field({
        type: 'SafeInt',
        description: 'Position in its history, without gaps: pass the last one as `after` to go on from there.',
        resolve: (event) => event.seq,
      }),
      isPresentState: t.exposeBoolean('isPresentState', {
        description: 'Whether it stands for everything up to `seq` instead of one change.',
      }),
      at: t.field({ type: 'DateTime', description: 'When it happened.', resolve: (event) => event.at }),
      type: t.field({
        type: enums.TaskType,
        nullable: true,
        description: 'The stage of the task that changed; null when it was not a task.',
        resolve: ({ stage }) => (stage !== null && stages.has(stage) ? stage : null),
      }),
      item: t.exposeString('item', {
        nullable: true,
        description: 'Which of several parallel runs; null when it was not a task.',
      }),
      status: t.exposeString('status', {
        nullable: true,
        description: 'The task status it changed to, in lower case, or `removed`; null when it was not a task.',
      }),
      attempts: t.exposeInt('attempts', {
        nullable: true,
        description: 'Attempts begun by then; null when it was not a task.',
      }),
      progress: t.exposeFloat('progress', {
        nullable: true,
        description: 'How far the attempt had come, 0 to 1; null when it was not a task.',
      }),
      milestone: t.field({
        type: milestones,
        nullable: true,
        description: `How far the ${pipeline.name} has come; null when this did not change it.`,
        resolve: ({ milestone }) => (milestone !== null && pipeline.milestones.includes(milestone) ? milestone : null),
      }),
      task: t.field({
        type: 'Task',
        nullable: true,
        description:
          'The task as it is now, which may be later than this change; null when it was not a task, or is removed.',
        resolve: ({ taskId }, _args, { loaders }) => (taskId === null ? null : loaders.task(taskId)),
      }),
      [field]: t.field({
        type: subject,
        nullable: true,
        description: `The ${pipeline.name} as it is now; null when it has been deleted.`,
        resolve: (event: SubjectEvent, _args: object, { loaders }) => loadSubject(loaders, subject, event.subjectId),
      }),
    }),
  })
  const idName = `${field}Id`
  builder.subscriptionField(`${field}Progress`, (t) =>
    t.field({
      type: Progress,
      description: `What happens to a ${pipeline.name}: its present state, then every change, none left out and none twice.`,
      args: {
        [idName]: t.arg.id({ required: true, description: `The ${pipeline.name} to watch.` }),
        after: t.arg({
          type: 'SafeInt',
          description: 'Go on after this `seq` instead of beginning with the present state.',
        }),
      },
      subscribe: (_root, args: { after?: number | null } & Record<string, unknown>, { hub }) =>
        hub.events(pipeline.name, rowId(String(args[idName]), subject, idName), args.after ?? null),
      resolve: (event) => event,
    }),
  )
}
