type Numbers = Float32Array | Float64Array | Int16Array | Uint8Array

/**
 * A table that grows at the end and is forgotten from the front: rows keep their index for life, and those still
 * held lie one after another in `data`, so that inner loops run over plain offsets.
 * Memory follows the rows held, not the rows ever pushed.
 */
export class SlidingRows<T extends Numbers> {
  readonly width: number
  /** Rows ever pushed: the index that the next row gets. */
  count = 0
  /** The oldest row still held. */
  first = 0
  data: T
  readonly #allocate: (length: number) => T
  #origin = 0

  constructor(allocate: (length: number) => T, width: number) {
    this.width = width
    this.#allocate = allocate
    this.data = allocate(64 * width)
  }

  /** Where a held row begins in `data`. Valid until the next `extend`. */
  offset(row: number): number {
    return (row - this.#origin) * this.width
  }

  /** A view of a held row. Valid until the next `extend`. */
  row(row: number): T {
    const start = this.offset(row)
    return this.data.subarray(start, start + this.width) as T
  }

  /** Adds rows, whose contents are undefined until written, and returns the offset of the first of them. */
  extend(rows = 1): number {
    const end = this.offset(this.count + rows)
    if (end > this.data.length) this.#makeRoom(rows)
    const start = this.offset(this.count)
    this.count += rows
    return start
  }

  /** Forgets the rows before this one. */
  dropBefore(row: number): void {
    if (row > this.first) this.first = Math.min(row, this.count)
  }

  #makeRoom(rows: number): void {
    const held = this.count - this.first
    const needed = (held + rows) * this.width
    const start = this.offset(this.first)
    const end = this.offset(this.count)
    // A quarter of free room after the move keeps the moves rare.
    if (needed * 1.25 <= this.data.length) {
      this.data.copyWithin(0, start, end)
    } else {
      const larger = this.#allocate(Math.ceil((needed * 1.5) / this.width) * this.width)
      larger.set(this.data.subarray(start, end))
      this.data = larger
    }
    this.#origin = this.first
  }
}

export const floatRows = (width: number) => new SlidingRows((length) => new Float32Array(length), width)
export const doubleRows = (width: number) => new SlidingRows((length) => new Float64Array(length), width)
export const byteRows = (width: number) => new SlidingRows((length) => new Uint8Array(length), width)
export const shortRows = (width: number) => new SlidingRows((length) => new Int16Array(length), width)
