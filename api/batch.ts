/**
 * Collects the keys that are asked for in one turn of the event loop and loads them with one statement.
 * Nothing is kept between turns, so that a reader after a write, and every event of a subscription, sees what is there.
 *
 * @param load answers a map from key to value; a key that is missing from it gives undefined
 */
export function createBatch<Key, Value>(
  load: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>,
): (key: Key) => Promise<Value | undefined> {
  let pending: { readonly keys: Set<Key>; readonly values: Promise<ReadonlyMap<Key, Value>> } | null = null
  return async (key) => {
    if (pending === null) {
      const keys = new Set<Key>()
      const values = endOfTurn().then(() => {
        pending = null
        return load([...keys])
      })
      pending = { keys, values }
    }
    pending.keys.add(key)
    return (await pending.values).get(key)
  }
}

/** After every promise that is already settled has been followed: sibling resolvers have all asked by then. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    Promise.resolve().then(() => process.nextTick(resolve))
  })
}

/** Rows by one of their columns. */
export function indexBy<Key, Row>(rows: readonly Row[], keyOf: (row: Row) => Key): ReadonlyMap<Key, Row> {
  return new Map(rows.map((row) => [keyOf(row), row]))
}

/** Rows gathered by one of their columns, in the order they came; every key of `keys` has a list. */
export function groupBy<Key, Row>(
  keys: readonly Key[],
  rows: readonly Row[],
  keyOf: (row: Row) => Key,
): ReadonlyMap<Key, Row[]> {
  const groups = new Map<Key, Row[]>(keys.map((key) => [key, []]))
  for (const row of rows) groups.get(keyOf(row))?.push(row)
  return groups
}
