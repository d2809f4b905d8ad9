import type { Grc20WorkRow } from '../../../db/grc20-tables.ts'
import { WORK_PROPERTIES } from '../../../providers/space/grc20-space.ts'
import { buildValues, type EntityValues } from './values.ts'

/** What a work's entity says, alike when it is made and when it is changed. */
export function workValues(row: Pick<Grc20WorkRow, keyof typeof WORK_PROPERTIES>): EntityValues {
  return buildValues(WORK_PROPERTIES, row)
}
