import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MediaFailed } from '../../worker/errors.ts'
import {
  type AcousticModel,
  findTriphone,
  readAcousticModel,
  WORD_POSITION,
} from '../../worker/media/align/acoustic-model.ts'
import { GaussianScorer } from '../../worker/media/align/gaussians.ts'
import { computeCepstra, computeFeatures, countFrames } from '../../worker/media/align/mfcc.ts'
import { adaptMeans } from '../../worker/media/align/mllr.ts'
import { chooseModel } from '../../worker/media/align/model-choice.ts'
import { readGaussians, readMixtures, readModelDefinition } from '../../worker/media/align/sphinx-files.ts'
import { learnVoiceActivity, type VoiceFeatures } from '../../worker/media/align/voice-activity.ts'
import { seeded } from './random.ts'

let folder: string
let model: AcousticModel

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'align-model-'))
  model = await readAcousticModel(chooseModel('en').folder)
})
afterAll(() => rm(folder, { recursive: true }))

test('the English and the French model are read whole', async () => {
  expect([model.phones.length, model.codebookCount, model.densityCount, model.senoneCount]).toEqual([42, 42, 128, 5126])
  expect(model.frontEnd).toEqual({ lowerHz: 130, upperHz: 3700, filterCount: 20, lifter: 22 })
  expect(model.means.length).toBe(42 * 3 * 128 * 13)
  expect(model.variances.every((variance) => variance >= Math.fround(1e-4))).toBe(true)
  for (const matrix of model.transitions) {
    for (const row of matrix) expect(row.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 2)
  }
  const french = await readAcousticModel(chooseModel('fr-CA').folder)
  expect(french.phones).toContain('ou')
  expect(french.codebookCount).toBe(french.phones.length)
})

test('a phone has its own senones in its context, and falls back to the phone alone', () => {
  const index = (phone: string) => model.phones.indexOf(phone)
  const [k, ae, t] = [index('K'), index('AE'), index('T')]
  const inCat = findTriphone(model, WORD_POSITION.internal, ae, k, t)
  const inTack = findTriphone(model, WORD_POSITION.internal, ae, t, k)
  expect(inCat.senones).toHaveLength(3)
  expect(inCat.senones).not.toEqual(inTack.senones)
  for (const senone of inCat.senones) expect(model.codebookOfSenone[senone]).toBe(ae)
  const alone = findTriphone(model, WORD_POSITION.internal, ae, 255, 255)
  expect(alone.senones).toHaveLength(3)
  for (const senone of alone.senones) expect(model.codebookOfSenone[senone]).toBe(ae)
})

test('files that are not models are refused by name', async () => {
  const path = join(folder, 'broken')
  for (const content of [
    '',
    's3\nversion 1.0\nendhdr\n',
    Buffer.alloc(64, 0xff),
    'BMDF',
    Buffer.from('s3\nendhdr\n\x44\x33\x22\x11\x01'),
  ]) {
    await writeFile(path, content)
    for (const read of [readGaussians, readModelDefinition, (file: string) => readMixtures(file, 3)]) {
      await expect(read(path)).rejects.toThrow(MediaFailed)
      await expect(read(path)).rejects.toThrow(path)
    }
  }
  await expect(readAcousticModel(join(folder, 'missing'))).rejects.toThrow(MediaFailed)
})

const tone = (hertz: number, seconds: number, gain = 0.3) =>
  Float32Array.from({ length: 16_000 * seconds }, (_, i) => gain * Math.sin((2 * Math.PI * hertz * i) / 16_000))

test('a frame comes every 10 ms, each 410 samples long', () => {
  expect([0, 409, 410, 569, 570, 16_000].map(countFrames)).toEqual([0, 0, 1, 1, 2, 98])
  expect(computeCepstra(new Float32Array(0), model.frontEnd).frameCount).toBe(0)
  expect(computeFeatures(computeCepstra(new Float32Array(0), model.frontEnd))).toHaveLength(0)
})

test('loudness moves only the zeroth cepstrum', () => {
  const soft = computeCepstra(tone(440, 1, 0.1), model.frontEnd)
  const loud = computeCepstra(tone(440, 1, 0.4), model.frontEnd)
  // Four times the amplitude: 2 ln 4 in every filter, √20 times that in the orthonormal zeroth coefficient.
  expect(loud.cepstra[13 * 50] - soft.cepstra[13 * 50]).toBeCloseTo(2 * Math.log(4) * Math.sqrt(20), 2)
  for (let i = 1; i < 13; i++) expect(loud.cepstra[13 * 50 + i]).toBeCloseTo(soft.cepstra[13 * 50 + i], 2)
  expect(loud.logEnergy[50] - soft.logEnergy[50]).toBeCloseTo(2 * Math.log(4), 3)
})

test('what stays the same has features of zero, what changes has deltas where it changes', () => {
  const steady = computeFeatures(computeCepstra(tone(1000, 1), model.frontEnd))
  // 1000 Hz repeats every 16 samples, so all frames of 160 samples are alike, but for the first pre-emphasised sample.
  expect(Math.max(...steady.subarray(39 * 4).map(Math.abs))).toBeLessThan(0.5)
  const jump = new Float32Array(32_000)
  jump.set(tone(300, 1), 0)
  jump.set(tone(2500, 1), 16_000)
  const features = computeFeatures(computeCepstra(jump, model.frontEnd))
  const delta = (t: number) => Math.abs(features[t * 39 + 13 + 1])
  expect(delta(50)).toBeLessThan(0.01)
  expect(delta(98)).toBeGreaterThan(1)
  expect(features.subarray(0, 39 * 90).some((value, i) => i % 39 === 1 && Math.abs(value) > 0.1)).toBe(true)
})

test('silence and samples that are no numbers give finite features', () => {
  const samples = new Float32Array(8000)
  samples[4000] = Number.NaN
  samples[5000] = Number.POSITIVE_INFINITY
  expect(computeFeatures(computeCepstra(samples, model.frontEnd)).every(Number.isFinite)).toBe(true)
})

test('the four best Gaussians are those of the definition', () => {
  const random = seeded(3)
  const features = Float32Array.from({ length: 39 * 70 }, () => 4 * random.next() - 2)
  const codebooks = [5, 17]
  const scorer = new GaussianScorer(model, model.means, codebooks, 70)
  scorer.score(features, 0, 70)
  for (const t of [0, 1, 69]) {
    for (const [c, codebook] of codebooks.entries()) {
      for (const stream of [0, 1, 2]) {
        const all = Array.from({ length: 128 }, (_, density) => {
          let score = 0
          for (let d = 0; d < 13; d++) {
            const j = ((codebook * 3 + stream) * 128 + density) * 13 + d
            const difference = features[t * 39 + stream * 13 + d] - model.means[j]
            score -= 0.5 * (Math.log(2 * Math.PI * model.variances[j]) + difference ** 2 / model.variances[j])
          }
          return { density, score }
        }).sort((a, b) => b.score - a.score)
        const row = ((t * 2 + c) * 3 + stream) * 4
        for (let rank = 0; rank < 4; rank++) {
          expect(scorer.scores[row + rank] / all[rank].score).toBeCloseTo(1, 3)
          expect(
            all.find(({ density }) => density === scorer.densities[row + rank])!.score / all[rank].score,
          ).toBeCloseTo(1, 3)
        }
        expect(scorer.best[t * 3 + stream]).toBeGreaterThanOrEqual(scorer.scores[row])
      }
    }
  }
})

test('frames score the same in any division into blocks', () => {
  const random = seeded(4)
  const features = Float32Array.from({ length: 39 * 40 }, () => random.next())
  const whole = new GaussianScorer(model, model.means, [9], 40)
  whole.score(features, 0, 40)
  const part = new GaussianScorer(model, model.means, [9], 40)
  part.score(features, 25, 10)
  expect(part.scores.subarray(0, 120)).toEqual(whole.scores.subarray(25 * 12, 35 * 12))
  expect(part.densities.subarray(0, 120)).toEqual(whole.densities.subarray(25 * 12, 35 * 12))
})

/** Features drawn around the heaviest Gaussian of each senone's mixture, moved by `shift`. */
function drawn(senones: Int32Array, shift: (value: number, d: number) => number): Float32Array {
  const features = new Float32Array(39 * senones.length)
  const random = seeded(11)
  senones.forEach((senone, t) => {
    const codebook = model.codebookOfSenone[senone]
    for (let stream = 0; stream < 3; stream++) {
      const weights = Array.from(
        { length: 128 },
        (_, q) => model.mixtureWeights[(stream * 128 + q) * model.senoneCount + senone],
      )
      const density = weights.indexOf(Math.min(...weights))
      const first = ((codebook * 3 + stream) * 128 + density) * 13
      for (let d = 0; d < 13; d++) {
        const noise =
          (random.next() + random.next() + random.next() - 1.5) * 0.5 * Math.sqrt(model.variances[first + d])
        features[t * 39 + stream * 13 + d] = shift(model.means[first + d], stream * 13 + d) + noise
      }
    }
  })
  return features
}

test('adaptation finds how a voice differs from the model', () => {
  const random = seeded(5)
  const silence = new Set([model.phones.indexOf('SIL'), model.phones.indexOf('+NSN+'), model.phones.indexOf('+SPN+')])
  const speech = Array.from({ length: model.senoneCount }, (_, s) => s).filter(
    (s) => !silence.has(model.codebookOfSenone[s]),
  )
  const senones = Int32Array.from({ length: 3000 }, () => random.pick(speech))
  const shift = (value: number, d: number) => (d < 13 ? 0.9 * value + 0.3 : value)
  const features = drawn(senones, shift)
  const best = new Float32Array(3 * senones.length).fill(-1000)
  let means = model.means
  for (let round = 0; round < 2; round++) means = adaptMeans(model, { features, means, senones, best })

  const codebook = model.phones.indexOf('AA')
  let [before, after] = [0, 0]
  for (let density = 0; density < 128; density++) {
    for (let d = 0; d < 13; d++) {
      const j = (codebook * 3 * 128 + density) * 13 + d
      const truth = shift(model.means[j], d)
      before += (model.means[j] - truth) ** 2
      after += (means[j] - truth) ** 2
    }
  }
  expect(after).toBeLessThan(0.25 * before)
  const sil = model.phones.indexOf('SIL') * 3 * 128 * 13
  expect(means.subarray(sil, sil + 13)).toEqual(model.means.subarray(sil, sil + 13))
})

test('too little sound to learn from leaves the model as it is', () => {
  const senones = new Int32Array(100)
  const features = drawn(senones, (value) => value + 1)
  const best = new Float32Array(300)
  expect(adaptMeans(model, { features, means: model.means, senones, best })).toEqual(model.means)
})

/** Singing in seconds 2…6 of every 8, heard as one of `width` noisy features. */
function singing(frameCount: number, contrast: number): { features: VoiceFeatures; isWord: Uint8Array } {
  const random = seeded(9)
  const isWord = Uint8Array.from({ length: frameCount }, (_, t) => (t % 800 >= 200 && t % 800 < 600 ? 1 : 0))
  const width = 4
  const values = Float32Array.from({ length: frameCount * width }, (_, i) => {
    const noise = 2 * random.next() - 1
    return i % width === 2 ? noise + contrast * (isWord[Math.floor(i / width)] - 0.5) : noise
  })
  return { features: { frameCount, width, values }, isWord }
}

/** How often a frame of singing is judged more likely sung than one without: 0.5 is chance. */
function rocArea(odds: Float32Array, isWord: Uint8Array): number {
  const order = Array.from(odds.keys()).sort((a, b) => odds[a] - odds[b])
  const words = order.filter((t) => isWord[t] === 1).length
  const rankSum = order.reduce((sum, t, rank) => sum + (isWord[t] === 1 ? rank + 1 : 0), 0)
  return (rankSum - (words * (words + 1)) / 2) / (words * (order.length - words))
}

test('voice activity is learned from a path and corrects it', () => {
  const { features, isWord } = singing(8000, 2)
  const wrong = isWord.slice()
  wrong.fill(1, 1400, 1600)
  const odds = learnVoiceActivity(features, wrong)
  expect(rocArea(odds, isWord)).toBeGreaterThan(0.97)
  expect(odds.subarray(1420, 1580).filter((z) => z < 0).length).toBeGreaterThan(140)
})

test('features that say nothing about singing teach nothing', () => {
  const { features, isWord } = singing(8000, 0)
  expect(rocArea(learnVoiceActivity(features, isWord), isWord)).toBeLessThan(0.6)
})

test('without pauses nothing is learned', () => {
  const { features } = singing(1000, 2)
  expect(learnVoiceActivity(features, new Uint8Array(1000).fill(1)).every((z) => z === 0)).toBe(true)
  expect(learnVoiceActivity(features, new Uint8Array(1000)).every((z) => z === 0)).toBe(true)
  expect(learnVoiceActivity({ frameCount: 0, width: 4, values: new Float32Array(0) }, new Uint8Array(0))).toHaveLength(
    0,
  )
})
