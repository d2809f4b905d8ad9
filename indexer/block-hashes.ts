import type { IndexedBlock } from './store/deployments.ts'

/** The blocks that were indexed last, by number: where a re-org is noticed and how far it reaches. */
export class BlockHashes {
  readonly #blocks = new Map<number, IndexedBlock>()
  readonly #kept: number

  /** @param kept how many numbers behind the last are remembered */
  constructor(kept: number, blocks: Iterable<IndexedBlock>) {
    this.#kept = kept
    for (const block of blocks) this.#blocks.set(block.number, block)
  }

  at(number: number): IndexedBlock | undefined {
    return this.#blocks.get(number)
  }

  add(block: IndexedBlock): void {
    this.#blocks.set(block.number, block)
    if (this.#blocks.size > this.#kept * 2) this.#forget((number) => number < block.number - this.#kept)
  }

  revert(number: number): void {
    this.#forget((other) => other > number)
  }

  /** Below a number, from the highest on. */
  *below(number: number): Generator<IndexedBlock> {
    yield* [...this.#blocks.values()]
      .filter((block) => block.number < number)
      .sort((left, right) => right.number - left.number)
  }

  #forget(isForgotten: (number: number) => boolean): void {
    for (const number of this.#blocks.keys()) if (isForgotten(number)) this.#blocks.delete(number)
  }
}
