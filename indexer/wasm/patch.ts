/**
 * Makes a module whose instances can be put back to their first state, by exporting every mutable global under a name.
 *
 * The WebAssembly binary format (https://webassembly.github.io/spec/core/binary/modules.html) is a list of sections; only the
 * export section is written anew.
 *
 * @returns the module's bytes with the names of the globals, or null when it has something that this does not read
 */
export function exportGlobals(wasm: Uint8Array): { bytes: Uint8Array<ArrayBuffer>; names: string[] } | null {
  try {
    return patch(wasm)
  } catch (error) {
    if (error instanceof Unreadable) return null
    throw error
  }
}

class Unreadable extends Error {}

const SECTION = { import: 2, global: 6, export: 7 }
const KIND = { function: 0, table: 1, memory: 2, global: 3 }
const PREAMBLE_BYTES = 8

interface Section {
  readonly id: number
  readonly content: Uint8Array
}

function patch(wasm: Uint8Array): { bytes: Uint8Array<ArrayBuffer>; names: string[] } {
  const sections = readSections(wasm)
  const find = (id: number) => sections.find((section) => section.id === id)?.content
  const exported = find(SECTION.export)
  if (!exported) throw new Unreadable()
  const imported = find(SECTION.import)
  const globals = find(SECTION.global)
  const firstGlobal = imported ? countImportedGlobals(imported) : 0
  const mutable = globals ? readMutableGlobals(globals).map((index) => index + firstGlobal) : []
  const names = mutable.map((index) => `mutable global ${index}`)
  const entries = mutable.flatMap((index, position) => {
    const name = Buffer.from(names[position])
    return [...encode(name.length), ...name, KIND.global, ...encode(index)]
  })
  const reader = new Reader(exported)
  const count = reader.number()
  const content = Buffer.concat([
    Uint8Array.from(encode(count + mutable.length)),
    reader.rest(),
    Uint8Array.from(entries),
  ])
  const parts = sections.map((section) => {
    const body = section.id === SECTION.export ? content : section.content
    return Buffer.concat([Uint8Array.from([section.id, ...encode(body.length)]), body])
  })
  return { bytes: new Uint8Array(Buffer.concat([wasm.subarray(0, PREAMBLE_BYTES), ...parts])), names }
}

function readSections(wasm: Uint8Array): Section[] {
  const reader = new Reader(wasm.subarray(PREAMBLE_BYTES))
  const sections: Section[] = []
  while (!reader.isAtEnd) {
    const id = reader.byte()
    sections.push({ id, content: reader.take(reader.number()) })
  }
  return sections
}

function countImportedGlobals(content: Uint8Array): number {
  const reader = new Reader(content)
  let globals = 0
  for (let left = reader.number(); left > 0; left--) {
    reader.take(reader.number())
    reader.take(reader.number())
    const kind = reader.byte()
    if (kind === KIND.function) reader.number()
    else if (kind === KIND.global) {
      globals++
      reader.take(2)
    } else {
      if (kind === KIND.table) reader.byte()
      const hasMaximum = (reader.byte() & 1) === 1
      reader.number()
      if (hasMaximum) reader.number()
    }
  }
  return globals
}

/** Positions of the mutable ones within the section. */
function readMutableGlobals(content: Uint8Array): number[] {
  const reader = new Reader(content)
  const count = reader.number()
  const mutable: number[] = []
  for (let index = 0; index < count; index++) {
    reader.byte()
    if (reader.byte() === 1) mutable.push(index)
    skipConstant(reader)
  }
  return mutable
}

const OPCODE = { end: 0x0b, globalGet: 0x23, i32: 0x41, i64: 0x42, f32: 0x43, f64: 0x44 }

function skipConstant(reader: Reader): void {
  for (let opcode = reader.byte(); opcode !== OPCODE.end; opcode = reader.byte()) {
    if (opcode === OPCODE.i32 || opcode === OPCODE.i64 || opcode === OPCODE.globalGet) reader.skipNumber()
    else if (opcode === OPCODE.f32) reader.take(4)
    else if (opcode === OPCODE.f64) reader.take(8)
    else throw new Unreadable()
  }
}

/** An unsigned LEB128 number. */
function encode(value: number): number[] {
  const bytes: number[] = []
  do {
    const low = value & 0x7f
    value >>>= 7
    bytes.push(value === 0 ? low : low | 0x80)
  } while (value !== 0)
  return bytes
}

class Reader {
  readonly #bytes: Uint8Array
  #position = 0
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }
  get isAtEnd(): boolean {
    return this.#position >= this.#bytes.length
  }
  byte(): number {
    if (this.isAtEnd) throw new Unreadable()
    return this.#bytes[this.#position++]
  }
  number(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte()
      value |= (byte & 0x7f) << shift
      if ((byte & 0x80) === 0) return value >>> 0
    }
  }
  skipNumber(): void {
    while ((this.byte() & 0x80) !== 0);
  }
  take(length: number): Uint8Array {
    if (this.#position + length > this.#bytes.length) throw new Unreadable()
    return this.#bytes.subarray(this.#position, (this.#position += length))
  }
  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#position)
  }
}
