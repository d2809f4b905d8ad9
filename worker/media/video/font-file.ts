import { InvalidInput } from '../../errors.ts'

/** What drawing text needs to know of a font. An em is the font's design size. */
export interface FontFile {
  /** Family as renderers match it (name table, id 1). */
  readonly family: string
  /** Ascent plus descent as Windows, and so libass, counts them, in ems: an ASS font size is this high. */
  readonly heightEm: number
  /** Whether the font has a glyph of its own for a code point. */
  covers(codePoint: number): boolean
  /** Advance width of a code point in ems; that of `.notdef` where there is no glyph. */
  advanceEm(codePoint: number): number
}

type GlyphOf = (codePoint: number) => number

/**
 * Reads coverage and widths from a TrueType or OpenType font: its `cmap` (formats 4 and 12, which every Unicode font has),
 * `hmtx`, `OS/2` and `name` tables.
 *
 * @throws InvalidInput when it is not a single font with these tables
 * @see ISO/IEC 14496-22, Open Font Format
 */
export function readFontFile(font: Uint8Array): FontFile {
  const view = new DataView(font.buffer, font.byteOffset, font.byteLength)
  const unitsPerEm = view.getUint16(tableOffset(view, 'head') + 18)
  const os2 = tableOffset(view, 'OS/2')
  const metrics = view.getUint16(tableOffset(view, 'hhea') + 34)
  const advances = tableOffset(view, 'hmtx')
  const glyphOf = readCmap(view)
  return {
    family: readFamily(view),
    heightEm: (view.getUint16(os2 + 74) + view.getUint16(os2 + 76)) / unitsPerEm,
    covers: (codePoint) => glyphOf(codePoint) !== 0,
    advanceEm: (codePoint) => view.getUint16(advances + Math.min(glyphOf(codePoint), metrics - 1) * 4) / unitsPerEm,
  }
}

function tableOffset(view: DataView, tag: string): number {
  const tables = view.byteLength >= 12 ? view.getUint16(4) : 0
  for (let index = 0, record = 12; index < tables && record + 16 <= view.byteLength; index++, record += 16) {
    const name = String.fromCharCode(...[0, 1, 2, 3].map((byte) => view.getUint8(record + byte)))
    if (name === tag) return view.getUint32(record + 8)
  }
  throw new InvalidInput(`expected a TrueType or OpenType font with a ${tag} table`)
}

function readFamily(view: DataView): string {
  const table = tableOffset(view, 'name')
  const strings = table + view.getUint16(table + 4)
  for (let index = 0; index < view.getUint16(table + 2); index++) {
    const record = table + 6 + index * 12
    if (view.getUint16(record) !== 3 || view.getUint16(record + 6) !== 1) continue
    const start = strings + view.getUint16(record + 10)
    return new TextDecoder('utf-16be').decode(
      new Uint8Array(view.buffer, view.byteOffset + start, view.getUint16(record + 8)),
    )
  }
  throw new InvalidInput('expected a font with a family name')
}

function readCmap(view: DataView): GlyphOf {
  const cmap = tableOffset(view, 'cmap')
  let best: { format: number; offset: number } | undefined
  for (let index = 0; index < view.getUint16(cmap + 2); index++) {
    const record = cmap + 4 + index * 8
    const platform = view.getUint16(record)
    if (platform !== 0 && platform !== 3) continue
    const offset = cmap + view.getUint32(record + 4)
    const format = view.getUint16(offset)
    if (format === 12 || (format === 4 && best?.format !== 12)) best = { format, offset }
  }
  if (!best) throw new InvalidInput('expected a font with a Unicode cmap (format 4 or 12)')
  return best.format === 12 ? segmentedCmap(view, best.offset) : bmpCmap(view, best.offset)
}

/** Format 12: groups of start, end and first glyph, in order. */
function segmentedCmap(view: DataView, offset: number): GlyphOf {
  const groups = view.getUint32(offset + 12)
  return (codePoint) => {
    let low = 0
    let high = groups - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const group = offset + 16 + middle * 12
      if (codePoint < view.getUint32(group)) high = middle - 1
      else if (codePoint > view.getUint32(group + 4)) low = middle + 1
      else return view.getUint32(group + 8) + codePoint - view.getUint32(group)
    }
    return 0
  }
}

/** Format 4: segments of the basic plane, in order of their end. */
function bmpCmap(view: DataView, offset: number): GlyphOf {
  const segments = view.getUint16(offset + 6) / 2
  const ends = offset + 14
  const starts = ends + segments * 2 + 2
  const deltas = starts + segments * 2
  const ranges = deltas + segments * 2
  return (codePoint) => {
    if (codePoint > 0xffff) return 0
    for (let segment = 0; segment < segments; segment++) {
      if (codePoint > view.getUint16(ends + segment * 2)) continue
      const start = view.getUint16(starts + segment * 2)
      if (codePoint < start) return 0
      const delta = view.getUint16(deltas + segment * 2)
      const range = view.getUint16(ranges + segment * 2)
      if (range === 0) return (codePoint + delta) & 0xffff
      const glyph = view.getUint16(ranges + segment * 2 + range + (codePoint - start) * 2)
      return glyph === 0 ? 0 : (glyph + delta) & 0xffff
    }
    return 0
  }
}
