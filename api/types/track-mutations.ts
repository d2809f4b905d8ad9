import { retryTask } from '../../worker/engine/tasks.ts'
import { InvalidInput, NotFound } from '../../worker/errors.ts'
import { addSpotifyTrack, addTrack } from '../add-track.ts'
import { encodeId, rowId } from '../ids.ts'
import { line, parseInput, text } from '../input.ts'
import type { SchemaParts } from '../parts.ts'
import { cancelTrack, deleteTrack, replaceLyrics, rerunTrack, retryFailedTasks } from '../track-changes.ts'

/** What people do with tracks. */
export function defineTrackMutations({ builder, enums, errors, pipelines }: SchemaParts): void {
  const pipeline = pipelines.find(({ name }) => name === 'track')
  if (!pipeline) return
  const stages = new Set(pipeline.stages.map((stage) => stage.name))

  const TrackSourceInput = builder.inputType('TrackSourceInput', {
    description: 'Where the audio comes from: exactly one of these.',
    isOneOf: true,
    fields: (t) => ({
      uploadId: t.string({ description: 'A finished upload.' }),
      path: t.string({ description: 'A file in one of the media folders of the server.' }),
      url: t.string({ description: 'An http or https address of an audio file.' }),
    }),
  })
  const AddTrackInput = builder.inputType('AddTrackInput', {
    description: 'A song to be made into karaoke.',
    fields: (t) => ({
      title: t.string({ required: true, description: 'Title, up to 300 characters.' }),
      artists: t.stringList({ required: true, description: 'Whom it is credited to, 1 to 20 names.' }),
      source: t.field({ type: TrackSourceInput, required: true, description: 'Where the audio comes from.' }),
      lyrics: t.string({
        description: 'The words, as plain text or LRC (times narrow the search); absent for a song without.',
      }),
      language: t.string({ description: 'Language sung, BCP 47; English when absent.' }),
      notes: t.string({ description: 'Kept with the submission.' }),
      style: t.field({ type: 'JSON', description: 'Overrides of the configured style, an object.' }),
      callbackUrl: t.string({
        description: 'Called each time the track comes to rest: finished, failed, or waiting for a review.',
      }),
      idempotencyKey: t.string({
        description: 'A name of your own for this submission: the same one again answers the same track.',
      }),
      metadata: t.field({ type: 'JSON', description: 'Whatever the submitter wants to find again, an object.' }),
    }),
  })
  const FailedTasksFilter = builder.inputType('FailedTasksFilter', {
    description: 'Which failed tasks; all given conditions hold. An empty filter is refused.',
    fields: (t) => ({
      trackId: t.id({ description: 'Those of this track.' }),
      type: t.field({ type: [enums.TaskType], description: 'Those of these stages.' }),
      pipeline: t.string({ description: 'Those of this pipeline.' }),
    }),
  })

  builder.objectType('RetriedTasks', {
    description: 'The answer to retrying failed tasks.',
    fields: (t) => ({ count: t.exposeInt('count', { description: 'How many went back to the backlog.' }) }),
  })
  builder.objectType('CanceledTrack', {
    description: 'The answer to canceling a track.',
    fields: (t) => ({
      track: t.field({
        type: 'Track',
        nullable: true,
        description: 'The track; null when it was deleted meanwhile.',
        resolve: (result, _args, { loaders }) => loaders.track(result.trackId),
      }),
      canceledTasks: t.exposeInt('canceledTasks', { description: 'How many tasks were stopped.' }),
    }),
  })
  builder.objectType('RerunTrack', {
    description: 'The answer to running a part of a track again.',
    fields: (t) => ({
      track: t.field({
        type: 'Track',
        nullable: true,
        description: 'The track; null when it was deleted meanwhile.',
        resolve: (result, _args, { loaders }) => loaders.track(result.trackId),
      }),
      undone: t.field({
        type: [enums.TaskType],
        description: 'The stages whose results were undone, the first one to run first.',
        resolve: ({ undone }) => undone.filter((stage) => stages.has(stage)),
      }),
    }),
  })
  builder.objectType('DeletedTrack', {
    description: 'The answer to deleting a track.',
    fields: (t) => ({ id: t.exposeID('id', { description: 'The global id it had.' }) }),
  })
  const TrackResult = errors.resultOf('Track')
  const RerunResult = errors.resultOf('RerunTrack')

  builder.mutationFields((t) => ({
    addTrack: t.field({
      type: TrackResult,
      description: 'Submits a song. The answer comes at once; the work has been written down and is done by workers.',
      args: { input: t.arg({ type: AddTrackInput, required: true, description: 'The song.' }) },
      resolve: (_root, { input }, { client, config }) => addTrack(client, config, input),
    }),
    addSpotifyTrack: t.field({
      type: TrackResult,
      description: 'Submits a song by its Spotify id, after checking that it exists.',
      args: {
        spotifyId: t.arg.string({ required: true, description: 'The 22 characters of a Spotify track id.' }),
        notes: t.arg.string({ description: 'Kept with the submission.' }),
      },
      resolve: (_root, { spotifyId, notes }, { client, catalogue }) =>
        addSpotifyTrack(
          client,
          catalogue,
          { spotifyId, notes: notes ? parseInput(text(2_000), notes) : null },
          AbortSignal.timeout(20_000),
        ),
    }),
    addLyrics: t.field({
      type: RerunResult,
      description: "Replaces a track's lyrics, and runs again what was made from them.",
      args: {
        trackId: t.arg.id({ required: true, description: 'The track.' }),
        lyrics: t.arg.string({ required: true, description: 'The words, up to 100,000 characters.' }),
      },
      resolve: async (_root, args, { client }) => {
        const trackId = rowId(args.trackId, 'Track', 'trackId')
        return { trackId, undone: await replaceLyrics(client, pipeline, trackId, args.lyrics) }
      },
    }),
    rerunTrack: t.field({
      type: RerunResult,
      description: 'Runs a stage again together with everything that stands on it.',
      args: {
        trackId: t.arg.id({ required: true, description: 'The track.' }),
        from: t.arg({ type: enums.TaskType, required: true, description: 'The stage to begin with.' }),
      },
      resolve: async (_root, args, { client }) => {
        const trackId = rowId(args.trackId, 'Track', 'trackId')
        if (!stages.has(args.from)) {
          throw new InvalidInput(`from: ${args.from} is not a stage of tracks`, { details: { field: 'from' } })
        }
        return {
          trackId,
          undone: await rerunTrack(client, trackId, args.from),
        }
      },
    }),
    cancelTrack: t.field({
      type: errors.resultOf('CanceledTrack'),
      description: 'Stops everything of a track that has not settled.',
      args: {
        trackId: t.arg.id({ required: true, description: 'The track.' }),
        reason: t.arg.string({ defaultValue: 'canceled by a person', description: 'Kept with the canceled tasks.' }),
      },
      resolve: async (_root, args, { client }) => {
        const trackId = rowId(args.trackId, 'Track', 'trackId')
        const reason = parseInput(line(300), args.reason ?? 'canceled by a person')
        return { trackId, canceledTasks: await cancelTrack(client, trackId, reason) }
      },
    }),
    deleteTrack: t.field({
      type: errors.resultOf('DeletedTrack'),
      description: 'Removes a track and everything that belongs to it. Stored files stay; others may share them.',
      args: { trackId: t.arg.id({ required: true, description: 'The track.' }) },
      resolve: async (_root, args, { client }) => {
        const trackId = rowId(args.trackId, 'Track', 'trackId')
        await deleteTrack(client, trackId)
        return { id: encodeId('Track', trackId) }
      },
    }),
    retryTask: t.field({
      type: errors.resultOf('Task'),
      description: 'Starts one settled task afresh, most often a failed one.',
      args: { taskId: t.arg.id({ required: true, description: 'The task.' }) },
      resolve: async (_root, args, { client, loaders }) => {
        const taskId = rowId(args.taskId, 'Task', 'taskId')
        await retryTask(client.pool, taskId)
        const task = await loaders.task(taskId)
        if (!task) throw new NotFound(`there is no task ${taskId}`)
        return task
      },
    }),
    retryFailedTasks: t.field({
      type: errors.resultOf('RetriedTasks'),
      description: 'Starts every failed task that meets the filter afresh.',
      args: { filter: t.arg({ type: FailedTasksFilter, required: true, description: 'Which ones.' }) },
      resolve: async (_root, { filter }, { client }) => ({
        count: await retryFailedTasks(client, {
          trackId: filter.trackId ? rowId(filter.trackId, 'Track', 'filter.trackId') : undefined,
          stages: filter.type ?? undefined,
          pipeline: filter.pipeline ?? undefined,
        }),
      }),
    }),
  }))
}
