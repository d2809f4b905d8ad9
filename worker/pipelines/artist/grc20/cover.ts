import { createHash } from 'node:crypto'
import { coverEntityId, type GraphId } from '../../../providers/space/grc20-space.ts'
import { cidOf } from '../../../providers/storage/cid.ts'
import { COVER_SIZE, drawCover } from './draw-cover.ts'
import { cleanUrl } from './text.ts'

/** The image that shows an artist or a work. */
export interface Cover {
  readonly entityId: GraphId
  /** Where the picture is: `ipfs://` and its content id, or a web address. */
  readonly url: string
  /** In pixels; null when not known. */
  readonly size: number | null
  /** The picture when it was drawn: it is yet to be stored. */
  readonly drawn: Drawn | null
}

export interface Drawn {
  readonly bytes: Buffer<ArrayBuffer>
  readonly cid: string
}

/** The picture that the row names: a file before an address, and one that is drawn when it names none. */
export function coverOf(
  ofEntity: GraphId,
  row: { readonly imageCid: string | null; readonly imageUrl: string | null },
): Cover {
  const entityId = coverEntityId(ofEntity)
  const named = row.imageCid ? `ipfs://${row.imageCid}` : cleanUrl(row.imageUrl)
  if (named) return { entityId, url: named, size: null, drawn: null }
  const bytes = drawCover(ofEntity)
  const cid = cidOf(createHash('sha256').update(bytes).digest('hex'))
  return { entityId, url: `ipfs://${cid}`, size: COVER_SIZE, drawn: { bytes, cid } }
}
