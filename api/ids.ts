import { InvalidInput } from '../worker/errors.ts'

/** Global ids are `Track:12`: opaque to programs, readable for people. */
export function encodeId(typename: string, id: string | number | bigint): string {
  return `${typename}:${id}`
}

/** @throws InvalidInput when it is no global id at all */
export function decodeId(globalId: string): { typename: string; id: string } {
  const match = /^([A-Za-z]+):([A-Za-z0-9:-]+)$/.exec(globalId)
  if (!match) throw new InvalidInput(`expected an id like Track:12, got ${JSON.stringify(globalId.slice(0, 50))}`)
  return { typename: match[1], id: match[2] }
}

/**
 * The row number inside a global id.
 *
 * @param field the argument it came in, named in the error
 * @throws InvalidInput when it is not the id of a `typename`
 */
export function rowId(globalId: string, typename: string, field: string): number {
  const id = new RegExp(`^${typename}:([0-9]{1,15})$`).exec(globalId)?.[1]
  if (id === undefined) {
    throw new InvalidInput(
      `${field}: expected an id like ${typename}:12, got ${JSON.stringify(globalId.slice(0, 50))}`,
      {
        details: { field },
      },
    )
  }
  return Number(id)
}
