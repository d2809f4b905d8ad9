import { readFile } from 'node:fs/promises'
import { MediaFailed } from '../../errors.ts'

const BYTE_ORDER_MARK = 0x11223344

/** Gaussian parameters: `values[((codebook × streams + stream) × densities + density) × 13 + dimension]`. */
export interface GaussianFile {
  readonly codebookCount: number
  readonly streamCount: number
  readonly densityCount: number
  readonly streamDimensions: readonly number[]
  readonly values: Float32Array
}

/** Mixture weights: `values[(stream × densities + density) × senones + senone]`, natural log weight = −byte × 0.1024. */
export interface MixtureFile {
  readonly densityCount: number
  readonly senoneCount: number
  readonly values: Uint8Array
}

/** The binary model definition: which three senones make each triphone. */
export interface ModelDefinition {
  readonly phones: readonly string[]
  readonly phoneCount: number
  readonly statesPerPhone: number
  /** Row of `senoneSequences` for each phone (context-independent phones first). */
  readonly sequenceOfPhone: Int32Array
  readonly transitionOfPhone: Int32Array
  readonly senoneSequences: Uint16Array
  /** `triphoneKey(...)` → phone index. */
  readonly triphones: ReadonlyMap<number, number>
}

/** One number for a triphone in a word position; phones are indices below 256. */
export function triphoneKey(position: number, base: number, left: number, right: number): number {
  return ((position * 256 + base) * 256 + left) * 256 + right
}

/** Reads `means` or `variances`. @throws MediaFailed when the file is not one */
export async function readGaussians(path: string): Promise<GaussianFile> {
  return parsing(path, async () => {
    const { bytes, offset } = await readS3(path)
    const [codebookCount, streamCount, densityCount] = int32s(bytes, offset, 3)
    const streamDimensions = int32s(bytes, offset + 12, streamCount)
    const count = bytes.getInt32(offset + 12 + 4 * streamCount, true)
    const first = offset + 16 + 4 * streamCount
    const expected = codebookCount * densityCount * streamDimensions.reduce((a, b) => a + b, 0)
    if (count !== expected) throw new Error(`expected ${expected} values, got ${count}`)
    return { codebookCount, streamCount, densityCount, streamDimensions, values: float32s(bytes, first, count) }
  })
}

/** Reads `transition_matrices` as natural logarithms: `[matrix][from][to]`, rows normalised, floored at 1e-5. */
export async function readTransitions(path: string): Promise<number[][][]> {
  return parsing(path, async () => {
    const { bytes, offset } = await readS3(path)
    const [matrixCount, rows, columns] = int32s(bytes, offset, 3)
    const values = float32s(bytes, offset + 16, matrixCount * rows * columns)
    return Array.from({ length: matrixCount }, (_, m) =>
      Array.from({ length: rows }, (_, r) => {
        const row = Array.from(values.subarray((m * rows + r) * columns, (m * rows + r + 1) * columns))
        const sum = row.reduce((a, b) => a + b, 0)
        return row.map((value) => Math.log(Math.max(value / sum, 1e-5)))
      }),
    )
  })
}

/** Reads `sendump`, the eight-bit mixture weights. */
export async function readMixtures(path: string, streamCount: number): Promise<MixtureFile> {
  return parsing(path, async () => {
    const bytes = view(await readFile(path))
    let offset = 0
    // The header is a list of strings, each after its length, ended by a length of zero.
    for (let length = bytes.getInt32(0, true); length !== 0; length = bytes.getInt32(offset, true)) {
      if (length < 0) throw new Error('negative string length in the header')
      offset += 4 + length
    }
    const [densityCount, senoneCount] = int32s(bytes, offset + 4, 2)
    const size = streamCount * densityCount * senoneCount
    const rest = bytes.byteLength - offset - 12
    if (rest !== size) throw new Error(`expected ${size} weights, got ${rest}`)
    return {
      densityCount,
      senoneCount,
      values: new Uint8Array(bytes.buffer, bytes.byteOffset + offset + 12, size).slice(),
    }
  })
}

/** Reads a binary `mdef`. */
export async function readModelDefinition(path: string): Promise<ModelDefinition> {
  return parsing(path, async () => {
    const file = await readFile(path)
    const bytes = view(file)
    if (file.toString('latin1', 0, 4) !== 'BMDF') throw new Error('expected a binary model definition (BMDF)')
    let offset = 12 + bytes.getInt32(8, true)
    const [ciCount, phoneCount, statesPerPhone, , , , sequenceCount, , treeNodes] = int32s(bytes, offset, 10)
    offset += 40
    const phones: string[] = []
    const namesStart = offset
    for (let i = 0; i < ciCount; i++) {
      const end = file.indexOf(0, offset)
      phones.push(file.toString('latin1', offset, end))
      offset = end + 1
    }
    offset = namesStart + ((offset - namesStart + 3) & ~3) + 8 * treeNodes
    const sequenceOfPhone = new Int32Array(phoneCount)
    const transitionOfPhone = new Int32Array(phoneCount)
    const triphones = new Map<number, number>()
    for (let i = 0; i < phoneCount; i++, offset += 12) {
      sequenceOfPhone[i] = bytes.getInt32(offset, true)
      transitionOfPhone[i] = bytes.getInt32(offset + 4, true)
      if (i < ciCount) continue
      triphones.set(triphoneKey(file[offset + 8], file[offset + 9], file[offset + 10], file[offset + 11]), i)
    }
    const count = bytes.getInt32(offset, true)
    if (count !== sequenceCount * statesPerPhone) {
      throw new Error(`expected ${sequenceCount} sequences of ${statesPerPhone} senones, got ${count} senones`)
    }
    const senoneSequences = new Uint16Array(count)
    for (let i = 0; i < count; i++) senoneSequences[i] = bytes.getUint16(offset + 4 + 2 * i, true)
    return { phones, phoneCount, statesPerPhone, sequenceOfPhone, transitionOfPhone, senoneSequences, triphones }
  })
}

async function readS3(path: string): Promise<{ bytes: DataView; offset: number }> {
  const file = await readFile(path)
  const header = file.indexOf('endhdr\n')
  if (!file.subarray(0, 3).equals(Buffer.from('s3\n')) || header < 0) throw new Error('expected an s3 header')
  const bytes = view(file)
  const mark = bytes.getUint32(header + 7, true)
  if (mark !== BYTE_ORDER_MARK) throw new Error(`expected the byte order mark 11223344, got ${mark.toString(16)}`)
  return { bytes, offset: header + 11 }
}

async function parsing<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MediaFailed(`${path}: not a readable acoustic model file (${reason}). Reinstall the npm packages.`, {
      cause,
    })
  }
}

const view = (file: Buffer) => new DataView(file.buffer, file.byteOffset, file.byteLength)

function int32s(bytes: DataView, offset: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => bytes.getInt32(offset + 4 * i, true))
}

function float32s(bytes: DataView, offset: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => bytes.getFloat32(offset + 4 * i, true))
}
