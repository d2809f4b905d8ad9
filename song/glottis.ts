/** Band-limited periods of the glottal source: which table to use depends on how many harmonics fit below the limit. */

const TABLE_SIZE = 2048
const BAND_LIMIT_HZ = 16_000
const MAX_HARMONICS = 128
/** Share of a period during which the vocal folds are apart. */
export const OPEN_QUOTIENT = 0.6

export interface GlottalTables {
  /** @returns one period with an extra sample at the end for interpolation; peak amplitude near 1 */
  select(pitchHz: number): Float32Array
  readonly size: number
}

/**
 * Derivative of the glottal flow (lip radiation included), as the polynomial pulse `a·t² − b·t³`.
 *
 * @see Klatt & Klatt, “Analysis, synthesis, and perception of voice quality variations”, 1990, https://doi.org/10.1121/1.398894
 */
export function createGlottalTables(): GlottalTables {
  const { cosines, sines } = pulseHarmonics()
  const tables = new Map<number, Float32Array>()
  const select = (pitchHz: number) => {
    // Steps of a third of an octave: the harmonics that come and go are the faintest.
    const fitting = Math.min(MAX_HARMONICS, BAND_LIMIT_HZ / pitchHz)
    const harmonics = Math.max(1, Math.floor(2 ** (Math.floor(3 * Math.log2(fitting)) / 3)))
    let table = tables.get(harmonics)
    if (table === undefined) {
      table = sumHarmonics(cosines, sines, harmonics)
      tables.set(harmonics, table)
    }
    return table
  }
  return { select, size: TABLE_SIZE }
}

function pulseHarmonics(): { cosines: Float64Array; sines: Float64Array } {
  const cosines = new Float64Array(MAX_HARMONICS + 1)
  const sines = new Float64Array(MAX_HARMONICS + 1)
  for (let i = 0; i < TABLE_SIZE; i++) {
    const x = i / TABLE_SIZE / OPEN_QUOTIENT
    if (x >= 1) break
    const flowDerivative = 2 * x - 3 * x * x
    for (let k = 1; k <= MAX_HARMONICS; k++) {
      const angle = (2 * Math.PI * k * i) / TABLE_SIZE
      cosines[k] += (2 / TABLE_SIZE) * flowDerivative * Math.cos(angle)
      sines[k] += (2 / TABLE_SIZE) * flowDerivative * Math.sin(angle)
    }
  }
  return { cosines, sines }
}

function sumHarmonics(cosines: Float64Array, sines: Float64Array, harmonics: number): Float32Array {
  const table = new Float32Array(TABLE_SIZE + 1)
  for (let i = 0; i <= TABLE_SIZE; i++) {
    let sum = 0
    for (let k = 1; k <= harmonics; k++) {
      const angle = (2 * Math.PI * k * i) / TABLE_SIZE
      sum += cosines[k] * Math.cos(angle) + sines[k] * Math.sin(angle)
    }
    table[i] = sum
  }
  return table
}
