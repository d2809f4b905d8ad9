/**
 * How well and how fast the embedded separation works, against doing nothing and against plain REPET-SIM.
 *
 *   REFRAIN_DATA=… node bench/separation.ts
 *
 * SDR: 10 log₁₀ (Σ truth² / Σ (truth − estimate)²) over the whole clip and all channels, as in the Music Demixing Challenge.
 * SI-SDR: the same after the best gain on the truth (Le Roux et al., 2019, https://doi.org/10.1109/ICASSP.2019.8683855).
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { synthesizeSong } from '../song/song.ts'
import { decodePcm, writeFlac } from '../worker/media/ffmpeg/pcm.ts'
import { runFfmpeg } from '../worker/media/ffmpeg/run.ts'
import { powerOfTwoGrid } from '../worker/media/separation/frame-grid.ts'
import { type MaskFrame, type MaskModel, VOICE_BAND, voiceMask } from '../worker/media/separation/mask.ts'
import { VocalStream } from '../worker/media/separation/vocal-stream.ts'
import { embeddedSeparation } from '../worker/providers/separation/embedded.ts'

const SAMPLE_RATE_HZ = 44_100
const WANTED_GAIN_DB = 0.8
const { signal } = new AbortController()

interface Clip {
  readonly name: string
  readonly mixPath: string
  /** Interleaved stereo. */
  readonly mix: Float32Array
  readonly vocals: Float32Array
  readonly accompaniment: Float32Array
}

/** SDR and SI-SDR of the vocals, then of the accompaniment, in dB. */
type Scores = readonly [number, number, number, number]

interface Run {
  readonly seconds: number
  readonly peakRssBytes: number
}

if (process.argv[2] === '--separate') await separateHere(process.argv[3], process.argv[4])
else await compareAll()

async function compareAll(): Promise<void> {
  const workspacePath = await mkdtemp(join(tmpdir(), 'separation-bench-'))
  try {
    const clips = [...(await dataClips(workspacePath)), await songClip(workspacePath)]
    console.log(header())
    const all: Record<string, Scores[]> = { mixture: [], 'REPET-SIM': [], embedded: [] }
    for (const clip of clips) {
      const zero = clip.mix.map(() => 0)
      report(all, clip.name, 'mixture', scores(clip, clip.mix, clip.mix))
      const repet = plainRepet(clip.mix)
      report(all, clip.name, 'REPET-SIM', scores(clip, repet, difference(clip.mix, repet)))
      const run = await separateElsewhere(clip.mixPath, workspacePath)
      const vocals = fitted(await readStereo(join(workspacePath, 'vocals.flac')), zero)
      const instrumental = fitted(await readStereo(join(workspacePath, 'instrumental.flac')), zero)
      report(all, clip.name, 'embedded', scores(clip, vocals, instrumental), run, clip.mix.length / 2 / SAMPLE_RATE_HZ)
    }
    for (const [method, rows] of Object.entries(all)) report({}, 'mean', method, mean(rows))
    const [ours, repet] = [mean(all.embedded), mean(all['REPET-SIM'])]
    for (const [index, stem] of [
      [0, 'vocals'],
      [2, 'accompaniment'],
    ] as const) {
      const gain = ours[index] - repet[index]
      const verdict = gain >= WANTED_GAIN_DB ? 'holds' : 'DOES NOT HOLD'
      console.log(`${stem}: embedded − REPET-SIM = ${gain.toFixed(2)} dB SDR; at least ${WANTED_GAIN_DB} dB ${verdict}`)
      if (gain < WANTED_GAIN_DB) process.exitCode = 1
    }
  } finally {
    await rm(workspacePath, { recursive: true, force: true })
  }
}

async function dataClips(workspacePath: string): Promise<Clip[]> {
  const folder = process.env.REFRAIN_DATA ?? resolve(import.meta.dirname, '../../shared/data')
  if (!existsSync(join(folder, 'stems'))) {
    console.log(`No music with stems at REFRAIN_DATA (${folder}): measuring the project's own song only.`)
    return []
  }
  const vane = join(folder, 'stems/Cristina_Vane_-_So_Easy')
  const synthetic = join(folder, 'synth-song')
  const rock = join(folder, 'stems/museval/Music_Delta_80s_Rock.stem.mp4')
  const rockVocals = join(workspacePath, 'rock-vocals.flac')
  await runFfmpeg(['-i', rock, '-map', '0:a:4', '-f', 'flac', rockVocals], { signal })
  return [
    await clip('So Easy', join(vane, 'mix.mp3'), join(vane, 'vocals_true.mp3'), join(vane, 'accompaniment_true.mp3')),
    await clip('80s Rock', rock, rockVocals),
    await clip('synthetic', join(synthetic, 'mix.flac'), join(synthetic, 'vocals.flac')),
  ]
}

/** The project's own song, whose stems are known exactly. */
async function songClip(workspacePath: string): Promise<Clip> {
  const song = synthesizeSong()
  const mix = interleaved(song.mix)
  const mixPath = join(workspacePath, 'song.flac')
  const format = { sampleRateHz: song.sampleRateHz, channels: 2, bitDepth: 24, signal } as const
  await writeFlac(mixPath, format, [mix])
  const [vocals, accompaniment] = [interleaved(song.vocals), interleaved(song.instrumental)]
  return { name: 'own song', mixPath, mix, vocals, accompaniment }
}

/** Without an accompaniment of its own, a clip's accompaniment is what the vocals leave of the mix. */
async function clip(name: string, mixPath: string, vocalsPath: string, accompanimentPath?: string): Promise<Clip> {
  const mix = await readStereo(mixPath)
  const vocals = fitted(await readStereo(vocalsPath), mix)
  const rest = accompanimentPath ? fitted(await readStereo(accompanimentPath), mix) : difference(mix, vocals)
  return { name, mixPath, mix, vocals, accompaniment: rest }
}

async function readStereo(path: string): Promise<Float32Array> {
  return interleaved(await decodePcm(path, { sampleRateHz: SAMPLE_RATE_HZ, channels: 2, signal }))
}

function interleaved([left, right]: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(2 * left.length)
  for (let i = 0; i < left.length; i++) {
    out[2 * i] = left[i]
    out[2 * i + 1] = right[i]
  }
  return out
}

/** Repetition alone, in the same band, at the same resolution. */
function plainRepet(mix: Float32Array): Float32Array {
  const grid = powerOfTwoGrid(SAMPLE_RATE_HZ, VOICE_BAND.highestHz)
  const band = voiceMask(grid)
  const waiting: Float32Array[] = []
  const model: MaskModel = {
    push: ({ repetition }: MaskFrame) => void waiting.push(repetition.map((share, k) => share * band[k])),
    end: () => {},
    next: (mask) => {
      const ready = waiting.shift()
      if (ready) mask.set(ready)
      return ready !== undefined
    },
  }
  const stream = new VocalStream(grid, 2, model, { band: VOICE_BAND })
  const out = new Float32Array(mix.length)
  let at = 0
  stream.push(mix)
  stream.end()
  for (const block of stream.work()) {
    out.set(block.vocals, at)
    at += block.vocals.length
  }
  return out
}

/** In a process of its own, so that the peak memory is the separation's alone. */
async function separateElsewhere(audioPath: string, workspacePath: string): Promise<Run> {
  const args = [import.meta.filename, '--separate', audioPath, workspacePath]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout)
}

async function separateHere(audioPath: string, workspacePath: string): Promise<void> {
  const startedAt = performance.now()
  await embeddedSeparation.separate({ audioPath, workspacePath, onProgress: () => {}, signal })
  const run: Run = {
    seconds: (performance.now() - startedAt) / 1000,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  }
  console.log(JSON.stringify(run))
}

function scores(clip: Clip, vocals: Float32Array, accompaniment: Float32Array): Scores {
  return [
    sdr(clip.vocals, vocals),
    scaleInvariantSdr(clip.vocals, vocals),
    sdr(clip.accompaniment, accompaniment),
    scaleInvariantSdr(clip.accompaniment, accompaniment),
  ]
}

function sdr(truth: Float32Array, estimate: Float32Array, gain = 1): number {
  let energy = 0
  let error = 0
  for (let i = 0; i < truth.length; i++) {
    energy += (gain * truth[i]) ** 2
    error += (gain * truth[i] - estimate[i]) ** 2
  }
  return 10 * Math.log10((energy + 1e-9) / (error + 1e-9))
}

function scaleInvariantSdr(truth: Float32Array, estimate: Float32Array): number {
  let product = 0
  let energy = 1e-12
  for (let i = 0; i < truth.length; i++) {
    product += truth[i] * estimate[i]
    energy += truth[i] ** 2
  }
  return sdr(truth, estimate, product / energy)
}

function difference(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value - b[i])
}

/** Cut or padded with silence to the length of another signal. */
function fitted(samples: Float32Array, like: Float32Array): Float32Array {
  const out = new Float32Array(like.length)
  out.set(samples.subarray(0, like.length))
  return out
}

function mean(rows: readonly Scores[]): Scores {
  const at = (index: number) => rows.reduce((sum, row) => sum + row[index], 0) / rows.length
  return [at(0), at(1), at(2), at(3)]
}

function header(): string {
  const columns = ['V SDR', 'V SI-SDR', 'A SDR', 'A SI-SDR', '× real time', 'peak MB']
  return `${'clip'.padEnd(12)}${'method'.padEnd(12)}${columns.map((column) => column.padStart(12)).join('')}`
}

function report(
  all: Record<string, Scores[]>,
  clip: string,
  method: string,
  row: Scores,
  run?: Run,
  seconds = 0,
): void {
  all[method]?.push(row)
  const figures = row.map((value) => value.toFixed(2))
  if (run) figures.push((seconds / run.seconds).toFixed(1), (run.peakRssBytes / 1e6).toFixed(0))
  console.log(`${clip.padEnd(12)}${method.padEnd(12)}${figures.map((figure) => figure.padStart(12)).join('')}`)
}
