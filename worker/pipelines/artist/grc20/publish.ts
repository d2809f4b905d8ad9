import { createHash } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Space } from '../../../providers/space/contract.ts'
import type { Storage } from '../../../providers/storage/contract.ts'
import type { Drawn } from './cover.ts'
import type { EncodedEdit, PublishedEdit } from './edit.ts'

/** Where edits and covers go. */
export interface Publishing {
  readonly archive: Storage
  readonly space: Space
  /** For files on their way into the archive. */
  readonly folder: string
  readonly signal: AbortSignal
}

/** Stores the edit for good, then has the chain record it: it can be fetched before anybody looks for it. */
export async function publishEdit(
  { base64, ...edit }: EncodedEdit,
  publishing: Publishing,
  idempotencyKey: string,
): Promise<PublishedEdit> {
  const { space, signal } = publishing
  const bytes = Buffer.from(base64, 'base64')
  await archive(publishing, bytes, { contentType: 'application/octet-stream', name: `${edit.editId}.grc20` })
  const { cid, name } = edit
  const { recordedAs, transactionHash, chainId, blockNumber } = await space.publish(
    { cid, bytes, name },
    { idempotencyKey, signal },
  )
  return { ...edit, recordedAs, txHash: transactionHash, chainId, blockNumber }
}

/** Stores the covers that were drawn. */
export async function publishCovers(
  parts: readonly { readonly drawn: Drawn | null }[],
  publishing: Publishing,
): Promise<void> {
  for (const { drawn } of parts)
    if (drawn !== null) await archive(publishing, drawn.bytes, { contentType: 'image/png', name: 'cover.png' })
}

async function archive(
  { archive, folder, signal }: Publishing,
  bytes: Buffer,
  described: { readonly contentType: string; readonly name: string },
): Promise<void> {
  signal.throwIfAborted()
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const path = join(folder, `${sha256}.part`)
  try {
    await writeFile(path, bytes)
    await archive.store({ path, sha256, sizeBytes: bytes.length, ...described }, { signal })
  } finally {
    await rm(path, { force: true })
  }
}
