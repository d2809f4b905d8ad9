import { createHash } from 'node:crypto'
import type { Edit, Op } from '@geoprotocol/grc-20/types'
import { formatId, randomId } from '@geoprotocol/grc-20/util'
import { z } from 'zod'
import type { GraphId } from '../../../providers/space/grc20-space.ts'
import { cidOf } from '../../../providers/storage/cid.ts'
import { cleanText } from './text.ts'
import { graphId } from './values.ts'

const GraphIdText = z.string().regex(/^[0-9a-f]{32}$/)
const row = { id: z.number().int(), entityId: GraphIdText, revision: z.number().int() }

/** A row that an edit publishes, and what is to be said of it once the edit is confirmed. */
export const EditRow = z.discriminatedUnion('table', [
  z.object({ table: z.literal('artist'), ...row }),
  z.object({ table: z.literal('work'), ...row, artistId: z.number().int(), artistRelationId: GraphIdText }),
  z.object({
    table: z.literal('space'),
    id: GraphIdText,
    kind: z.enum(['property', 'type', 'relation']),
    name: z.string(),
  }),
])
export type EditRow = z.output<typeof EditRow>

/** What is known of an edit when it has been made. */
const described = {
  editId: GraphIdText,
  spaceId: GraphIdText,
  kind: z.enum(['setup', 'mint', 'update']),
  name: z.string(),
  /** Of the bytes: CIDv1, raw, SHA-256. */
  cid: z.string(),
  /** Entities it makes or changes. */
  entityIds: z.array(GraphIdText),
  rows: z.array(EditRow),
  createdAt: z.iso.datetime(),
}

/** An edit as it is kept from when it is made until it is published: the same bytes, whatever happens between. */
export const EncodedEdit = z.object({ ...described, base64: z.base64() })
export type EncodedEdit = z.output<typeof EncodedEdit>

/** An edit that the chain has recorded. */
export const PublishedEdit = z.object({
  ...described,
  /** What the chain holds in its place. */
  recordedAs: z.string(),
  txHash: z.string().regex(/^0x[0-9a-f]{64}$/),
  chainId: z.number().int(),
  blockNumber: z.number().int(),
})
export type PublishedEdit = z.output<typeof PublishedEdit>

/** What an edit is to do. */
export interface EditPlan {
  readonly kind: EncodedEdit['kind']
  readonly name: string
  readonly ops: readonly Op[]
  readonly rows: readonly EditRow[]
  readonly entityIds: readonly GraphId[]
  /** For an edit that several may make at once, so that it is one: an id that all of them have, and no time of its own. */
  readonly sharedId?: GraphId
}

/** Encodes an edit by the published SDK, in its canonical form. */
export async function encodePlan(
  plan: EditPlan,
  space: { readonly spaceId: GraphId; readonly authorId: GraphId },
): Promise<EncodedEdit> {
  // Loads a WASM module, which only who encodes waits for.
  const { encodeEdit } = await import('@geoprotocol/grc-20/codec')
  const editId = plan.sharedId ?? formatId(randomId())
  const name = [...(cleanText(plan.name) ?? plan.kind)].slice(0, 200).join('')
  const now = new Date()
  const edit: Edit = {
    id: graphId(editId),
    name,
    authors: [graphId(space.authorId)],
    // In microseconds.
    createdAt: plan.sharedId ? 0n : BigInt(now.getTime()) * 1_000n,
    ops: [...plan.ops],
  }
  const bytes = Buffer.from(encodeEdit(edit, { canonical: true }))
  return {
    editId,
    spaceId: space.spaceId,
    kind: plan.kind,
    name,
    cid: cidOf(createHash('sha256').update(bytes).digest('hex')),
    entityIds: [...plan.entityIds],
    rows: [...plan.rows],
    createdAt: now.toISOString(),
    base64: bytes.toString('base64'),
  }
}

/** Names the transaction of an edit, whoever sends it. */
export function editKey(installation: string, { spaceId, cid }: Pick<EncodedEdit, 'spaceId' | 'cid'>): string {
  return `${installation}:grc20:${spaceId}:${cid}`
}

/** Joins parts into one edit. */
export function planOf(
  kind: EditPlan['kind'],
  name: string,
  parts: readonly { readonly ops: readonly Op[]; readonly row: Exclude<EditRow, { table: 'space' }> }[],
): EditPlan {
  const rows = parts.map((part) => part.row)
  return {
    kind,
    name,
    ops: parts.flatMap((part) => part.ops),
    rows,
    entityIds: rows.map((row) => row.entityId),
  }
}
