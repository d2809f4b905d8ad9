/**
 * A set of ids that may say yes wrongly (about once in 4,000 with a million ids), but never no: an id it does not hold was
 * never added. Four bytes an id, twice that in room.
 */
export class KnownIds {
  #slots = new Uint32Array(1_024)
  #count = 0

  add(id: string): void {
    if (this.#count * 2 >= this.#slots.length) this.#grow()
    this.#insert(this.#slots, hash(id))
  }

  mayHave(id: string): boolean {
    const wanted = hash(id)
    const mask = this.#slots.length - 1
    for (let slot = wanted & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#slots[slot] === wanted) return true
    }
    return false
  }

  #insert(slots: Uint32Array, value: number): void {
    const mask = slots.length - 1
    let slot = value & mask
    while (slots[slot] !== 0) {
      if (slots[slot] === value) return
      slot = (slot + 1) & mask
    }
    slots[slot] = value
    if (slots === this.#slots) this.#count++
  }

  #grow(): void {
    const larger = new Uint32Array(this.#slots.length * 2)
    for (const value of this.#slots) if (value !== 0) this.#insert(larger, value)
    this.#slots = larger
  }
}

/** FNV-1a with a last mix; never zero, which marks an empty slot. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0 || 1
}
