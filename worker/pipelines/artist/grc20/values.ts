import type { PropertyValue } from '@geoprotocol/grc-20/types'
import { formatId, parseId } from '@geoprotocol/grc-20/util'
import type { GraphId, Property } from '../../../providers/space/grc20-space.ts'
import { cleanText } from './text.ts'
import { wholeDate } from './work-columns.ts'

/** An id as the SDK takes it. */
export type Id = PropertyValue['property']

/** What an entity says: the values it has, and the properties it has nothing to say of. */
export interface EntityValues {
  readonly values: readonly PropertyValue[]
  readonly empty: readonly Property[]
}

/**
 * The values of an entity, one for each column that holds something. Text is published as `cleanText` leaves it, a date as the
 * day alone.
 *
 * @param mapped the property of each published column
 */
export function buildValues<Column extends string>(
  mapped: Readonly<Record<Column, Property>>,
  row: Readonly<Record<Column, string | null>>,
): EntityValues {
  const values: PropertyValue[] = []
  const empty: Property[] = []
  for (const column of Object.keys(mapped) as Column[]) {
    const property = mapped[column]
    const content = property.dataType === 'date' ? wholeDate(row[column]) : cleanText(row[column])
    if (content === null) empty.push(property)
    else values.push({ property: graphId(property.id), value: { type: property.dataType, value: content } })
  }
  return { values, empty }
}

/** @throws TypeError when the text is no id */
export function graphId(id: GraphId): Id {
  const parsed = /^[0-9a-f]{32}$/.test(id) ? parseId(id) : undefined
  if (!parsed) throw new TypeError(`expected 32 hexadecimal digits, got ${JSON.stringify(id)}`)
  return parsed
}

/** The id of a property, type or entity as text. */
export const idText: (id: Id) => GraphId = formatId
