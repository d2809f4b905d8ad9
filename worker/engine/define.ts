import type { z } from 'zod'
import type { Transaction } from '../db/client.ts'
import type { Context } from './context.ts'

/** Which pool of workers runs a stage: small work, questions to services that are asked slowly, arithmetic on samples, or video encoding. */
export const QUEUES = ['light', 'lookup', 'heavy', 'encode'] as const
export type Queue = (typeof QUEUES)[number]

/**
 * One declared step of a pipeline.
 *
 * `run` takes its prerequisites' outputs by stage name and returns its own; it touches no table and is safe to run twice.
 * `record` writes the subject's own rows in the transaction that settles the task.
 */
export interface Stage<Subject, Name extends string, Output, Inputs> {
  readonly pipeline: string
  readonly name: Name
  /** One sentence for people: what it makes. Shown in the API and the README. */
  readonly description: string
  readonly after: readonly AnyStage[]
  /** Prerequisites that may fail without holding this stage up; their input is then null. */
  readonly optionalAfter: readonly AnyStage[]
  /** Stages of other pipelines that must have settled well for the subject this one is linked to (`subject_links`). */
  readonly requires: readonly AnyStage[]
  readonly output: z.ZodType<Output>
  /** Whether `run` may call `context.skip`; dependents then receive null. */
  readonly canSkip: boolean
  /** Drafts, then waits for a person to confirm or correct the output. */
  readonly isGate: boolean
  /** Fan-out: one task for each element of a list in a prerequisite's output. */
  readonly each: { readonly of: AnyStage; readonly path: string } | null
  /** What the subject's milestone becomes when this and all earlier milestone stages have settled. */
  readonly milestone: string | null
  /** Attempts and time limit; null takes the configured defaults. */
  readonly attempts: number | null
  readonly timeoutSeconds: number | null
  readonly queue: Queue
  /** Share of the pipeline's progress and of the expected time. */
  readonly weight: number
  readonly run: (inputs: Inputs, context: Context<Subject>) => Promise<Output>
  readonly record: ((output: Output, transaction: Transaction, subject: Subject, item: string) => Promise<void>) | null
}

// biome-ignore lint/suspicious/noExplicitAny: a list of stages holds stages of every subject, output and inputs
export type AnyStage = Stage<any, string, any, any>

/** What a dependent receives from a stage: null when it may be skipped, a list when it fans out. */
type InputFrom<S> =
  S extends Stage<infer _Subject, infer _Name, infer Output, infer _Inputs>
    ? S extends { readonly each: { readonly of: AnyStage } }
      ? readonly (Output | null)[]
      : S extends { readonly canSkip: true }
        ? Output | null
        : Output
    : never

type InputsOf<After extends readonly AnyStage[], Optional extends readonly AnyStage[]> = {
  readonly [S in After[number] as S['name']]: InputFrom<S>
} & { readonly [S in Optional[number] as S['name']]: InputFrom<S> | null }

interface StageOptions<
  Subject,
  Name extends string,
  Output,
  After extends readonly AnyStage[],
  Optional extends readonly AnyStage[],
  CanSkip extends boolean,
  Each extends { readonly of: AnyStage; readonly path: string } | undefined,
> {
  name: Name
  description: string
  after?: After
  optionalAfter?: Optional
  requires?: readonly AnyStage[]
  output: z.ZodType<Output>
  canSkip?: CanSkip
  isGate?: boolean
  each?: Each
  milestone?: string
  attempts?: number
  timeoutSeconds?: number
  queue?: Queue
  weight?: number
  run: (inputs: InputsOf<After, Optional>, context: Context<Subject>) => Promise<Output>
  record?: (output: Output, transaction: Transaction, subject: Subject, item: string) => Promise<void>
}

/** `const trackStage = stagesOf<Track>('track')` gives the function that declares a track's stages. */
export function stagesOf<Subject>(pipeline: string) {
  return <
    const Name extends string,
    Output,
    const After extends readonly AnyStage[] = readonly [],
    const Optional extends readonly AnyStage[] = readonly [],
    const CanSkip extends boolean = false,
    const Each extends { readonly of: AnyStage; readonly path: string } | undefined = undefined,
  >(
    options: StageOptions<Subject, Name, Output, After, Optional, CanSkip, Each>,
  ) => ({
    pipeline,
    name: options.name,
    description: options.description,
    after: options.after ?? ([] as readonly AnyStage[] as After),
    optionalAfter: options.optionalAfter ?? ([] as readonly AnyStage[] as Optional),
    requires: options.requires ?? [],
    output: options.output,
    canSkip: (options.canSkip ?? false) as CanSkip,
    isGate: options.isGate ?? false,
    each: (options.each ?? null) as Each extends undefined ? null : Exclude<Each, undefined>,
    milestone: options.milestone ?? null,
    attempts: options.attempts ?? null,
    timeoutSeconds: options.timeoutSeconds ?? null,
    queue: options.queue ?? ('light' as const),
    weight: options.weight ?? 1,
    run: options.run,
    record: options.record ?? null,
  })
}

/** The declared stages of one kind of subject, in an order in which each stands after its prerequisites. */
export interface Pipeline {
  readonly name: string
  readonly description: string
  readonly stages: readonly AnyStage[]
  /** Milestones in order of rank, `pending` first. */
  readonly milestones: readonly string[]
  /** Reads the subject's row for `run` and `record`; null when it has been deleted. */
  readonly loadSubject: (transaction: Transaction, id: number) => Promise<unknown>
}

/**
 * Checks a pipeline as a whole, so that a wrong declaration stops the start and not the work.
 *
 * `milestones` is the order of ranks. @throws Error that names every fault and what to do about it.
 */
export function definePipeline<Subject>(options: {
  name: string
  description: string
  stages: readonly AnyStage[]
  milestones?: readonly string[]
  loadSubject: (transaction: Transaction, id: number) => Promise<Subject | null>
}): Pipeline {
  const { name, description, stages, loadSubject } = options
  const milestones = ['pending', ...(options.milestones ?? [])]
  const faults = findFaults(name, stages, milestones)
  if (faults.length > 0) throw new Error(`pipeline ${name} cannot run:\n- ${faults.join('\n- ')}`)
  return { name, description, stages, milestones, loadSubject }
}

function findFaults(pipeline: string, stages: readonly AnyStage[], milestones: readonly string[]): string[] {
  const faults: string[] = []
  const seen = new Map<string, AnyStage>()
  if (stages.length === 0) faults.push('it has no stages: name at least one')
  for (const stage of stages) {
    const at = `stage ${stage.name}`
    if (stage.pipeline !== pipeline)
      faults.push(`${at} was declared for pipeline ${stage.pipeline}: declare it with stagesOf('${pipeline}')`)
    if (!/^[a-z][a-z0-9_]*$/.test(stage.name))
      faults.push(`${at}: a name is lower case letters, digits and underscores`)
    if (seen.has(stage.name)) faults.push(`${at} is listed twice: names are unique within a pipeline`)
    for (const prerequisite of [...stage.after, ...stage.optionalAfter]) {
      if (seen.get(prerequisite.name) !== prerequisite) {
        faults.push(`${at} stands after ${prerequisite.name}, which is not listed before it: list prerequisites first`)
      }
    }
    for (const required of stage.requires) {
      if (required.pipeline === pipeline)
        faults.push(`${at} requires ${required.name} of its own pipeline: add it to after`)
    }
    if (stage.each && ![...stage.after].includes(stage.each.of)) {
      faults.push(`${at} fans out over ${stage.each.of.name}, which is not among its prerequisites: add it to after`)
    }
    if (stage.each?.of.each)
      faults.push(`${at} fans out over ${stage.each.of.name}, which fans out itself: join it first`)
    if (stage.isGate && stage.record) {
      faults.push(`${at} is a gate and records: let a stage after it record what the person has confirmed`)
    }
    if (stage.milestone !== null && !milestones.slice(1).includes(stage.milestone)) {
      faults.push(`${at} reaches milestone ${stage.milestone}, known are ${milestones.slice(1).join(', ') || 'none'}`)
    }
    if (stage.attempts !== null && !(stage.attempts >= 1))
      faults.push(`${at}: attempts is ${stage.attempts}, at least 1`)
    if (stage.timeoutSeconds !== null && !(stage.timeoutSeconds > 0))
      faults.push(`${at}: timeoutSeconds is ${stage.timeoutSeconds}, more than 0`)
    seen.set(stage.name, stage)
  }
  for (const milestone of milestones.slice(1)) {
    if (!stages.some((stage) => stage.milestone === milestone))
      faults.push(`no stage reaches milestone ${milestone}: drop it or give it a stage`)
  }
  return faults
}
