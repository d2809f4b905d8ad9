import type { AnyStage, Pipeline } from '../../worker/engine/define.ts'
import type { SchemaParts } from '../parts.ts'

/** The declared graph, so that a client can draw it. */
export function definePipelineType({ builder, enums }: SchemaParts): void {
  const Stage = builder.objectRef<AnyStage>('Stage').implement({
    description: 'One declared step of a pipeline.',
    fields: (t) => ({
      type: t.field({ type: enums.TaskType, description: 'Its name.', resolve: (stage) => stage.name }),
      description: t.exposeString('description', { description: 'What it makes.' }),
      after: t.field({
        type: [enums.TaskType],
        description: 'Stages that must have settled before it runs.',
        resolve: (stage) => stage.after.map((prerequisite) => prerequisite.name),
      }),
      optionalAfter: t.field({
        type: [enums.TaskType],
        description: 'Stages it waits for, but that may fail without holding it up.',
        resolve: (stage) => stage.optionalAfter.map((prerequisite) => prerequisite.name),
      }),
      fansOutOver: t.field({
        type: enums.TaskType,
        nullable: true,
        description: 'The stage whose list it runs once for each element of; null when it runs once.',
        resolve: (stage) => stage.each?.of.name ?? null,
      }),
      isGate: t.exposeBoolean('isGate', { description: 'Whether it waits for a person to approve its draft.' }),
      canSkip: t.exposeBoolean('canSkip', { description: 'Whether it may find that there is nothing to do.' }),
      queue: t.exposeString('queue', { description: 'The queue whose workers run it.' }),
      weight: t.exposeFloat('weight', { description: "Its share of the pipeline's work." }),
      milestone: t.exposeString('milestone', {
        nullable: true,
        description: 'The milestone it leads to; null for none.',
      }),
    }),
  })
  const PipelineType = builder.objectRef<Pipeline>('Pipeline').implement({
    description: 'The declared stages of one kind of subject.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'Name of the pipeline, which is the kind of its subjects.' }),
      description: t.exposeString('description', { description: 'What it turns its subject into.' }),
      milestones: t.field({
        type: ['String'],
        description: 'How far a subject can come, in order.',
        resolve: (pipeline) => pipeline.milestones,
      }),
      stages: t.field({
        type: [Stage],
        description: 'Its stages, each after its prerequisites.',
        resolve: (pipeline) => pipeline.stages,
      }),
    }),
  })
  builder.queryField('pipelines', (t) =>
    t.field({
      type: [PipelineType],
      description: 'The pipelines as they are declared.',
      resolve: (_root, _args, { pipelines }) => pipelines,
    }),
  )
}
