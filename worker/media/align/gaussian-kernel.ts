import { STREAM_DIMENSION } from './acoustic-model.ts'

/** The part of the platform's WebAssembly that is used here; TypeScript's own types come with the DOM only. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer }
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: { run: KernelFunction } }
}

type KernelFunction = (parameters: number, features: number, out: number, frames: number) => void

/**
 * Log densities of diagonal Gaussians, four at a time: the innermost loop of the aligner, as a WebAssembly function of
 * a few dozen SIMD instructions written out below (five times the speed of the same loop in JavaScript).
 *
 * A log density is `constant − Σ (x·a − b)²` with `a = 1/(σ√2)`, `b = mean/(σ√2)`.
 */
export class GaussianKernel {
  /** `[set][group of 4][constant, a₀, b₀, a₁, b₁, …][lane]`. */
  readonly parameters: Float32Array
  /** `[frame][39]`: the frames to score. */
  readonly features: Float32Array
  /** `[frame][density]` of the last call. */
  readonly logDensities: Float32Array
  private readonly run: KernelFunction
  private readonly setBytes: number

  /**
   * @param setCount sets of Gaussians (one per codebook and stream)
   * @param densityCount Gaussians of a set, a multiple of 4
   * @param blockFrames most frames of a call
   * @param featureStride values between the feature vectors of two frames
   */
  constructor(setCount: number, densityCount: number, blockFrames: number, featureStride: number) {
    this.setBytes = densityCount * PARAMETER_COUNT * 4
    const featuresAt = setCount * this.setBytes
    const outAt = featuresAt + blockFrames * featureStride * 4
    const bytes = outAt + blockFrames * densityCount * 4
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65_536) })
    this.parameters = new Float32Array(memory.buffer, 0, featuresAt / 4)
    this.features = new Float32Array(memory.buffer, featuresAt, blockFrames * featureStride)
    this.logDensities = new Float32Array(memory.buffer, outAt, blockFrames * densityCount)
    const module = new WebAssembly.Module(assemble(densityCount / LANES, featureStride))
    this.run = new WebAssembly.Instance(module, { env: { memory } }).exports.run
  }

  /** Sets the parameters of Gaussian `density` of `set`. `scales` is a, `offsets` is b. */
  setGaussian(set: number, density: number, constant: number, scales: Float64Array, offsets: Float64Array): void {
    const group = set * (this.setBytes / 4) + Math.floor(density / LANES) * PARAMETER_COUNT * LANES
    const lane = group + (density % LANES)
    this.parameters[lane] = constant
    for (let d = 0; d < STREAM_DIMENSION; d++) {
      this.parameters[lane + (1 + 2 * d) * LANES] = scales[d]
      this.parameters[lane + (2 + 2 * d) * LANES] = offsets[d]
    }
  }

  /** Scores the first `frames` of `features`, 13 values from `first` on of each, against `set`. */
  score(set: number, first: number, frames: number): void {
    this.run(set * this.setBytes, this.features.byteOffset + first * 4, this.logDensities.byteOffset, frames)
  }
}

const LANES = 4
/** A constant, and a scale and an offset per dimension. */
const PARAMETER_COUNT = 1 + 2 * STREAM_DIMENSION

const I32 = 0x7f
const V128 = 0x7b
const SIMD = 0xfd
const LOAD = [SIMD, 0x00, 4]
const LOAD_SPLAT = [SIMD, 0x09, 2]
const STORE = [SIMD, 0x0b, 4]
const SUB = [SIMD, 0xe5, 0x01]
const MUL = [SIMD, 0xe6, 0x01]
const get = (local: number) => [0x20, local]
const set = (local: number) => [0x21, local]
const add = (local: number, bytes: number) => [...get(local), 0x41, ...signed(bytes), 0x6a, ...set(local)]

/**
 * `run(parameters, features, out, frames)`: per frame splats 13 values, then walks over the groups of four Gaussians.
 * @see https://webassembly.github.io/spec/core/binary/
 */
function assemble(groupCount: number, featureStride: number): Uint8Array {
  const [parameters, features, out, frames, pointer, groups, sum, term, x] = [0, 1, 2, 3, 4, 5, 6, 7, 8]
  const dimensions = Array.from({ length: STREAM_DIMENSION }, (_, d) => d)
  const groupBytes = PARAMETER_COUNT * LANES * 4
  const load = (index: number) => [...get(pointer), ...LOAD, ...unsigned(index * LANES * 4)]
  const loop = (counter: number, body: readonly number[]) => [
    ...[0x03, 0x40],
    ...body,
    ...[...get(counter), 0x41, 1, 0x6b, 0x22, counter, 0x0d, 0],
    0x0b,
  ]
  const group = [
    ...[...load(0), ...set(sum)],
    ...dimensions.flatMap((d) => [
      ...[...get(x + d), ...load(1 + 2 * d), ...MUL, ...load(2 + 2 * d), ...SUB, ...set(term)],
      ...[...get(sum), ...get(term), ...get(term), ...MUL, ...SUB, ...set(sum)],
    ]),
    ...[...get(out), ...get(sum), ...STORE, 0],
    ...add(out, LANES * 4),
    ...add(pointer, groupBytes),
  ]
  const frame = [
    ...dimensions.flatMap((d) => [...get(features), ...LOAD_SPLAT, ...unsigned(d * 4), ...set(x + d)]),
    ...[...get(parameters), ...set(pointer), 0x41, ...signed(groupCount), ...set(groups)],
    ...loop(groups, group),
    ...add(features, featureStride * 4),
  ]
  const locals = [2, 2, I32, 2 + STREAM_DIMENSION, V128]
  const code = [...locals, ...loop(frames, frame), 0x0b]
  const text = (value: string) => [value.length, ...Buffer.from(value)]
  const section = (id: number, content: readonly number[]) => [id, ...unsigned(content.length), ...content]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 4, I32, I32, I32, I32, 0]),
    ...section(2, [1, ...text('env'), ...text('memory'), 2, 0, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text('run'), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ])
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)]
}

function signed(value: number): number[] {
  return value < 64 ? [value] : [(value & 127) | 128, ...signed(value >> 7)]
}
