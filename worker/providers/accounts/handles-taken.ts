import { Conflict } from '../../errors.ts'

/** Nothing is left to try. */
export function handlesTaken(provider: string, handles: readonly string[]): Conflict {
  return new Conflict(
    `${provider}: expected a free handle, but ${handles.join(', ')} belong to others: change the artist's name and retry`,
    { details: { provider, takenHandles: handles } },
  )
}
