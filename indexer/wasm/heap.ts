import type { ClassIndex } from './classes.ts'
import { CLASS } from './classes.ts'
import { MappingFailed, OutOfBounds } from './failure.ts'
import { fromLittleEndian, toLittleEndian } from './integers.ts'

/** What every module must export to be fed and asked. */
export interface ModuleExports {
  readonly memory: WebAssembly.Memory
  /** Allocates an object of a class; never freed within a handler. */
  readonly __new: (size: number, classId: number) => number
  /** The module's id of a class, by its index. */
  readonly id_of_type: (index: number) => number
}

/** Bytes before every object: size of the block, two words of the collector, class id, size of the content. */
const HEADER_BYTES = 20
const ALIGNMENT = 16
/** Room taken from the module at a time; one event with its block and transaction fits. */
const CHUNK_BYTES = 16_384

/**
 * The memory of one module instance, as AssemblyScript lays it out: 32-bit little-endian pointers to objects whose header stands
 * in the 20 bytes before. Objects are put side by side into chunks that the module allocates, which saves a call each.
 */
export class Heap {
  readonly #exports: ModuleExports
  readonly #classIds: Map<number, number>
  /** Strings below this address are the module's constants. */
  #constantsEnd = 0
  readonly #constants: Map<number, string>
  #source: ArrayBufferLike | null = null
  #bytes: Buffer = Buffer.alloc(0)
  #words = new Uint32Array(0)
  #top = 0
  #end = 0

  /** @param shared what stays the same in all instances of a module: ids of classes and texts of constants */
  constructor(exports: ModuleExports, shared: HeapConstants) {
    this.#exports = exports
    this.#classIds = shared.classIds
    this.#constants = shared.strings
    this.refresh()
  }

  /**
   * The module has started: what memory holds now it holds at the beginning of every handler.
   *
   * @param end address up to which it holds something
   */
  seal(end: number): void {
    this.#constantsEnd = end
    this.clear()
  }

  /** Forgets what was allocated: after the instance was reset. */
  clear(): void {
    this.#top = 0
    this.#end = 0
  }

  /** Memory that grows is another buffer, and views of the old one are empty: to be called whenever the module has run. */
  refresh(): void {
    const { buffer } = this.#exports.memory
    if (buffer === this.#source) return
    this.#source = buffer
    this.#bytes = Buffer.from(buffer)
    this.#words = new Uint32Array(buffer)
  }

  // Reading

  word(pointer: number): number {
    if (pointer === 0) throw nullRead()
    const index = pointer >>> 2
    if (index >= this.#words.length) throw outOfBounds(pointer)
    return this.#words[index]
  }

  int64(pointer: number): bigint {
    return this.#bytes.readBigInt64LE(pointer)
  }

  /** Without characters of code 0, which Postgres cannot hold. @throws MappingFailed when it is no UTF-16 */
  string(pointer: number): string {
    const isConstant = pointer < this.#constantsEnd
    const known = isConstant ? this.#constants.get(pointer) : undefined
    if (known !== undefined) return known
    if (pointer === 0) throw nullRead()
    const size = this.word(pointer - 4)
    if (pointer + size > this.#bytes.length) throw outOfBounds(pointer)
    let text = this.#bytes.toString('utf16le', pointer, pointer + size)
    if (!text.isWellFormed()) throw new MappingFailed('a string is not valid UTF-16')
    if (text.includes('\0')) text = text.replaceAll('\0', '')
    if (isConstant) this.#constants.set(pointer, text)
    return text
  }

  optionalString(pointer: number): string | null {
    return pointer === 0 ? null : this.string(pointer)
  }

  /** A copy of a `Uint8Array`'s content. */
  bytes(pointer: number): Uint8Array {
    const { start, end } = this.#range(pointer)
    return Uint8Array.prototype.slice.call(this.#bytes, start, end)
  }

  /** A `Uint8Array`'s content as `0x…` in lower case. */
  hex(pointer: number): string {
    const { start, end } = this.#range(pointer)
    return `0x${this.#bytes.toString('hex', start, end)}`
  }

  bigInt(pointer: number): bigint {
    const { start, end } = this.#range(pointer)
    return fromLittleEndian(this.#bytes, start, end)
  }

  /** Pointers that an `Array` of objects holds. */
  pointers(pointer: number): number[] {
    const start = this.word(pointer + 4)
    const length = this.word(pointer + 12)
    if (start + 4 * length > this.#bytes.length) throw outOfBounds(pointer)
    return Array.from(this.#words.subarray(start >>> 2, (start >>> 2) + length))
  }

  #range(pointer: number): { start: number; end: number } {
    const start = this.word(pointer + 4)
    const end = start + this.word(pointer + 8)
    if (end > this.#bytes.length) throw outOfBounds(pointer)
    return { start, end }
  }

  // Writing

  #classId(index: ClassIndex): number {
    let id = this.#classIds.get(index)
    if (id === undefined) {
      id = this.#exports.id_of_type(index) >>> 0
      this.#classIds.set(index, id)
    }
    return id
  }

  /** Makes room for an object of `size` bytes; its content is zero. */
  allocate(size: number, index: ClassIndex): number {
    const total = (size + HEADER_BYTES + ALIGNMENT - 1) & -ALIGNMENT
    if (this.#top + total > this.#end) {
      const chunk = Math.max(CHUNK_BYTES, total + ALIGNMENT)
      const start = this.#exports.__new(chunk, this.#classId(CLASS.ArrayBuffer)) >>> 0
      this.refresh()
      // The first object's header ends at the first aligned address that leaves room for it.
      this.#top = start + 2 * ALIGNMENT
      this.#end = start + chunk
      if (this.#top + total > this.#end) this.#end = this.#top + total
    }
    const id = this.#classId(index)
    const pointer = this.#top
    this.#top += total
    const header = (pointer - HEADER_BYTES) >>> 2
    // The runtime grows an array in place of its block when the block says there is room.
    this.#words[header] = total - 4
    this.#words[header + 3] = id
    this.#words[header + 4] = size
    return pointer
  }

  /** An object whose fields are all pointers or 32-bit words. */
  writeObject(fields: readonly number[], index: ClassIndex): number {
    const pointer = this.allocate(fields.length * 4, index)
    this.#words.set(fields, pointer >>> 2)
    return pointer
  }

  writeString(text: string): number {
    const pointer = this.allocate(text.length * 2, CLASS.String)
    this.#bytes.write(text, pointer, 'utf16le')
    return pointer
  }

  writeBytes(bytes: Uint8Array): number {
    const data = this.allocate(bytes.length, CLASS.ArrayBuffer)
    this.#bytes.set(bytes, data)
    return this.writeObject([data, data, bytes.length], CLASS.Uint8Array)
  }

  /** @param hex `0x` and an even number of digits */
  writeHex(hex: string): number {
    const size = (hex.length - 2) >>> 1
    const data = this.allocate(size, CLASS.ArrayBuffer)
    this.#bytes.write(hex.slice(2), data, 'hex')
    return this.writeObject([data, data, size], CLASS.Uint8Array)
  }

  writeBigInt(value: bigint): number {
    return this.writeBytes(toLittleEndian(value))
  }

  writeArray(pointers: readonly number[], index: ClassIndex): number {
    const data = this.allocate(pointers.length * 4, CLASS.ArrayBuffer)
    this.#words.set(pointers, data >>> 2)
    return this.writeObject([data, data, pointers.length * 4, pointers.length], index)
  }

  /** A value with its kind. @param payload a pointer, a 32-bit number, or a 64-bit one as bigint */
  writeTagged(kind: number, payload: number | bigint, index: ClassIndex): number {
    const pointer = this.allocate(16, index)
    this.#words[pointer >>> 2] = kind
    if (typeof payload === 'bigint') this.#bytes.writeBigInt64LE(BigInt.asIntN(64, payload), pointer + 8)
    else this.#words[(pointer >>> 2) + 2] = payload
    return pointer
  }
}

/** Of a module, for all its instances. */
export interface HeapConstants {
  readonly classIds: Map<number, number>
  readonly strings: Map<number, string>
}

const nullRead = () =>
  new MappingFailed('a null was passed where a value is needed: look for a nullable value that is used without a check')

const outOfBounds = (pointer: number) => new OutOfBounds(`pointer ${pointer} lies outside the memory`)
