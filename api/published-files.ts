import type { Client } from '../worker/db/client.ts'
import { createBatch, groupBy } from './batch.ts'

/** A place where a file lies. */
export interface StorageAddress {
  readonly provider: string
  readonly id: string
  readonly url: string
}

export interface PublishedFileRow {
  readonly trackId: number
  readonly kind: string
  readonly sha256: string
  readonly isDeliverable: boolean
  readonly publishedAt: Date
  readonly storage: StorageAddress | null
  readonly archive: StorageAddress | null
}

const address = (role: string) =>
  `case when ${role}_url is not null then
     jsonb_build_object('provider', ${role}_provider, 'id', ${role}_id, 'url', ${role}_url) end as ${role}`

/** The published files of tracks with both their addresses. */
export function loadPublishedFiles({ pool }: Pick<Client, 'pool'>) {
  return createBatch(async (trackIds: readonly number[]) => {
    const { rows } = await pool.query<PublishedFileRow>(
      `select track_id as "trackId", kind, sha256, is_deliverable as "isDeliverable", published_at as "publishedAt",
         ${address('archive')}, ${address('storage')}
       from published_addresses where track_id = any ($1) order by kind`,
      [trackIds],
    )
    return groupBy(trackIds, rows, (row) => row.trackId)
  })
}
