import { stat } from 'node:fs/promises'
import { InvalidInput } from '../../errors.ts'
import type { StorableFile } from './contract.ts'

/**
 * Checks what is cheap to check before a file is sent anywhere.
 *
 * @throws InvalidInput when the file is empty, above the limit, or of another size than described
 */
export async function assertStorable(provider: string, file: StorableFile, maxBytes: number | null): Promise<void> {
  const { size } = await stat(file.path)
  if (size !== file.sizeBytes) {
    throw new InvalidInput(`${file.name}: expected ${file.sizeBytes} bytes, got ${size}: the file changed`)
  }
  if (size === 0) throw new InvalidInput(`${file.name} is empty: there is nothing to store`)
  if (maxBytes !== null && size > maxBytes) {
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
    throw new InvalidInput(
      `${file.name} has ${megabytes(size)} MB, and ${provider} takes at most ${megabytes(maxBytes)} MB: store it with another STORAGE_PROVIDER`,
      { details: { sizeBytes: size, maxBytes } },
    )
  }
}
