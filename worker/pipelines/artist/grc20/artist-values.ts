import type { Grc20ArtistRow } from '../../../db/grc20-tables.ts'
import { ARTIST_PROPERTIES } from '../../../providers/space/grc20-space.ts'
import { buildValues, type EntityValues } from './values.ts'

/** What an artist's entity says, alike when it is made and when it is changed. */
export function artistValues(row: Pick<Grc20ArtistRow, keyof typeof ARTIST_PROPERTIES>): EntityValues {
  return buildValues(ARTIST_PROPERTIES, row)
}
