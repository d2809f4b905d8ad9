import type { EntityType, Field } from '../store/schema.ts'
import type { Call } from './calls.ts'

/**
 * A handler failed in a way that it would fail again: it aborted, broke a rule of the schema, or trapped. Its writes are dropped
 * and the deployment stands still.
 */
export class MappingFailed extends Error {}

/** A handler has touched memory that is not its own. */
export class OutOfBounds extends MappingFailed {}

/**
 * Thrown through WebAssembly by a host function that lacks something it must first wait for. The handler is run again from its
 * start once that is here; handlers are deterministic, so the second run comes to the same place. No `Error`: the stack would cost
 * more than the rest.
 */
export class Missing {
  readonly what: MissingThing
  constructor(what: MissingThing) {
    this.what = what
  }
}

export type MissingThing =
  | { readonly kind: 'entity'; readonly type: EntityType; readonly id: string }
  | { readonly kind: 'related'; readonly type: EntityType; readonly field: Field; readonly id: string }
  | { readonly kind: 'call'; readonly call: Call }
  | { readonly kind: 'transaction'; readonly hash: string; readonly blockHash: string }
