import { open } from 'node:fs/promises'

const BLOCK_BYTES = 1 << 19

/** Keeps a stream of samples in a file as they are (32-bit floating point, so that nothing clips), passing each block by `onBlock`. */
export async function writeScratch(
  path: string,
  blocks: AsyncIterable<Float32Array>,
  onBlock: (block: Float32Array) => void,
): Promise<void> {
  await using file = await open(path, 'w')
  for await (const block of blocks) {
    onBlock(block)
    await file.writeFile(new Uint8Array(block.buffer, block.byteOffset, block.byteLength))
  }
}

/** Reads it again, in blocks of whole frames of up to eight channels. */
export async function* readScratch(path: string, signal: AbortSignal): AsyncGenerator<Float32Array, void, undefined> {
  await using file = await open(path, 'r')
  for (;;) {
    signal.throwIfAborted()
    const buffer = new Uint8Array(BLOCK_BYTES)
    let filled = 0
    while (filled < BLOCK_BYTES) {
      const { bytesRead } = await file.read(buffer, filled, BLOCK_BYTES - filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    if (filled > 0) yield new Float32Array(buffer.buffer, 0, filled / Float32Array.BYTES_PER_ELEMENT)
    if (filled < BLOCK_BYTES) return
  }
}
