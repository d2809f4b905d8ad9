import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { MediaFailed } from '../../errors.ts'
import {
  type ModelDefinition,
  readGaussians,
  readMixtures,
  readModelDefinition,
  readTransitions,
  triphoneKey,
} from './sphinx-files.ts'

/** Values per feature stream: twelve cepstra and the zeroth. */
export const STREAM_DIMENSION = 13
/** Streams: cepstra, their deltas, their second deltas. */
export const STREAM_COUNT = 3
/** Emitting states of a phone. */
export const STATES_PER_PHONE = 3

/** What the acoustic model expects of the front end. */
export interface FrontEnd {
  readonly lowerHz: number
  readonly upperHz: number
  readonly filterCount: number
  readonly lifter: number
}

/**
 * A phonetically tied mixture model: one codebook of Gaussians per phone and stream, mixture weights per senone.
 * Gaussian parameters are `[((codebook × 3 + stream) × densities + density) × 13 + dimension]`.
 */
export interface AcousticModel {
  readonly phones: readonly string[]
  readonly codebookCount: number
  readonly densityCount: number
  readonly means: Float32Array
  readonly variances: Float32Array
  /** `[(stream × densities + density) × senones + senone]`; natural log weight = −byte × `WEIGHT_STEP`. */
  readonly mixtureWeights: Uint8Array
  readonly senoneCount: number
  readonly codebookOfSenone: Uint16Array
  readonly definition: ModelDefinition
  /** Natural logarithms, `[matrix][from][to]`; the last column leaves the phone. */
  readonly transitions: readonly (readonly (readonly number[])[])[]
  readonly frontEnd: FrontEnd
}

/** The senones and transition matrix of one phone in its context. */
export interface Triphone {
  readonly senones: readonly number[]
  readonly transitions: readonly (readonly number[])[]
}

/** Where a phone stands in its word, as the model definition numbers it. */
export const WORD_POSITION = { internal: 0, begin: 1, end: 2, single: 3 } as const

/** One step of a mixture weight in nats: 1024 steps of log base 1.0001. */
export const WEIGHT_STEP = 1024 * Math.log(1.0001)

const VARIANCE_FLOOR = 1e-4

const FeatParams = z.object({
  lowerf: z.number().min(0),
  upperf: z.number().max(8000),
  nfilt: z.number().int().min(STREAM_DIMENSION),
  lifter: z.number().min(0),
  feat: z.literal('1s_c_d_dd'),
  svspec: z.literal('0-12/13-25/26-38'),
  varnorm: z.literal(false),
})

/**
 * Reads the PocketSphinx acoustic model in `folder`
 * (`mdef means variances sendump transition_matrices feat_params.json`).
 *
 * @throws MediaFailed naming the file that is missing or not of the expected shape
 * @see https://cmusphinx.github.io/wiki/acousticmodelformat/
 */
export async function readAcousticModel(folder: string): Promise<AcousticModel> {
  const [means, variances, mixtures, definition, transitions, frontEnd] = await Promise.all([
    readGaussians(join(folder, 'means')),
    readGaussians(join(folder, 'variances')),
    readMixtures(join(folder, 'sendump'), STREAM_COUNT),
    readModelDefinition(join(folder, 'mdef')),
    readTransitions(join(folder, 'transition_matrices')),
    readFrontEnd(join(folder, 'feat_params.json')),
  ])
  const dimensions = means.streamDimensions.join(' ')
  if (dimensions !== '13 13 13' || variances.values.length !== means.values.length) {
    throw new MediaFailed(`${folder}: expected three streams of 13 values with as many variances, got ${dimensions}`)
  }
  if (definition.statesPerPhone !== STATES_PER_PHONE || transitions[0]?.length !== STATES_PER_PHONE) {
    throw new MediaFailed(`${folder}: expected ${STATES_PER_PHONE} states a phone, got ${definition.statesPerPhone}`)
  }
  if (means.codebookCount !== definition.phones.length || mixtures.densityCount !== means.densityCount) {
    throw new MediaFailed(
      `${folder}: expected a phonetically tied model with ${definition.phones.length} codebooks, got ${means.codebookCount}`,
    )
  }
  return {
    phones: definition.phones,
    codebookCount: means.codebookCount,
    densityCount: means.densityCount,
    means: means.values,
    variances: variances.values.map((value) => Math.max(value, VARIANCE_FLOOR)),
    mixtureWeights: mixtures.values,
    senoneCount: mixtures.senoneCount,
    codebookOfSenone: tieSenones(definition, mixtures.senoneCount),
    definition,
    transitions,
    frontEnd,
  }
}

/** Finds a phone in its context; an unseen context falls back to another word position, then to the phone alone. */
export function findTriphone(
  model: AcousticModel,
  position: number,
  base: number,
  left: number,
  right: number,
): Triphone {
  const { triphones, sequenceOfPhone, transitionOfPhone, senoneSequences } = model.definition
  let phone = triphones.get(triphoneKey(position, base, left, right))
  for (let other = 0; phone === undefined && other < 4; other++) {
    phone = triphones.get(triphoneKey(other, base, left, right))
  }
  phone ??= base
  const first = sequenceOfPhone[phone] * STATES_PER_PHONE
  return {
    senones: Array.from(senoneSequences.subarray(first, first + STATES_PER_PHONE)),
    transitions: model.transitions[transitionOfPhone[phone]],
  }
}

async function readFrontEnd(path: string): Promise<FrontEnd> {
  try {
    const parameters = FeatParams.parse(JSON.parse(await readFile(path, 'utf8')))
    return {
      lowerHz: parameters.lowerf,
      upperHz: parameters.upperf,
      filterCount: parameters.nfilt,
      lifter: parameters.lifter,
    }
  } catch (cause) {
    throw new MediaFailed(`${path}: not the expected front end parameters. Reinstall the npm packages.`, { cause })
  }
}

/** A senone's codebook is the phone whose triphones use it. */
function tieSenones(definition: ModelDefinition, senoneCount: number): Uint16Array {
  const codebookOfSenone = new Uint16Array(senoneCount)
  const tie = (phone: number, base: number) => {
    const first = definition.sequenceOfPhone[phone] * STATES_PER_PHONE
    for (let k = 0; k < STATES_PER_PHONE; k++) codebookOfSenone[definition.senoneSequences[first + k]] = base
  }
  definition.phones.forEach((_, base) => {
    tie(base, base)
  })
  for (const [key, phone] of definition.triphones) tie(phone, (key >> 16) & 255)
  return codebookOfSenone
}
