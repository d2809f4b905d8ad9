import type { Context } from '../../../engine/context.ts'
import { AppError, Blocked, ProviderRejected } from '../../../errors.ts'
import type { SpaceIdentity } from '../../../providers/space/contract.ts'
import { type EditPlan, EncodedEdit, editKey, encodePlan, PublishedEdit, planOf } from './edit.ts'
import { mintArtist, mintWork } from './parts.ts'
import { publishCovers, publishEdit } from './publish.ts'
import { planSchema } from './schema-edit.ts'
import type { Grc20State } from './state.ts'

/** The stages that call this: what they have begun to publish, nobody else publishes. */
export const MINTING_STAGES: readonly string[] = ['mint_grc20', 'mint_work']

/**
 * Publishes what is not minted yet of an artist and its works: one edit, before it one that gives the space our properties and
 * types when it lacks them. The edit is kept before it is sent, so that a task that is cut off and comes back sends the same.
 *
 * @param options.withArtist off leaves the artist to its own task
 * @returns the edits that are confirmed, for `recordEdit`, those of earlier attempts included; none when all is minted
 * @throws ProviderRejected when the space refuses; the next attempt makes a new edit
 */
export async function mintUnminted(
  state: Grc20State,
  context: Context<unknown>,
  options: { readonly withArtist: boolean } = { withArtist: true },
): Promise<readonly PublishedEdit[]> {
  const identity = await context.providers.space.identify()
  const schema = await publishSchema(state, identity, context)
  const edits: PublishedEdit[] = schema ? [schema] : []
  for (let attempt = 0; ; attempt++) {
    const key = `${identity.spaceId} ${attempt}`
    const edit = await keepNext(key, identity, context, () => planMint(edits, state, identity, context, options))
    if (edit === null) return edits
    const published = await publishOnce(key, edit, context)
    if (published) edits.push(published)
  }
}

/** The edit under a key: that of an earlier attempt, or a new one; null when nothing is left to mint. */
async function keepNext(
  key: string,
  identity: SpaceIdentity,
  context: Context<unknown>,
  planNext: () => Promise<EditPlan | null>,
): Promise<EncodedEdit | null> {
  const nothing = new Error('nothing is left to mint')
  try {
    const kept = await context.once(`edit ${key}`, async () => {
      const plan = await planNext()
      // Thrown, because what is returned is kept, and there may be something to mint another time.
      if (plan === null) throw nothing
      return await encodePlan(plan, identity)
    })
    return EncodedEdit.parse(kept)
  } catch (error) {
    if (error === nothing) return null
    throw error
  }
}

async function planMint(
  before: readonly PublishedEdit[],
  { installation, artist, works, confirmed }: Grc20State,
  { spaceId }: SpaceIdentity,
  context: Context<unknown>,
  { withArtist }: { readonly withArtist: boolean },
): Promise<EditPlan | null> {
  if (artist === null) throw new Blocked('the artist is not populated: run populate_grc20')
  const unrecorded = before.filter(({ editId }) => !confirmed.includes(editId))
  const done = new Set(unrecorded.flatMap(({ rows }) => rows.map(({ table, id }) => `${table} ${id}`)))
  const isUnminted = (row: { mintedAt: Date | null; spaceId: string | null }) =>
    row.mintedAt === null || row.spaceId !== spaceId
  const mintsArtist = isUnminted(artist) && !done.has(`artist ${artist.artistId}`)
  if (mintsArtist && !withArtist) throw new Blocked('the artist is not minted in this space: run mint_grc20 again')
  if (mintsArtist && artist.pendingEditId !== null) {
    const message = `the artist is in edit ${artist.pendingEditId}, which is not confirmed: \`refrain grc20 mint\` goes on with it`
    throw new AppError('CONFLICT', message, { retryable: true })
  }
  const unminted = works.filter(
    (work) => isUnminted(work) && work.pendingEditId === null && !done.has(`work ${work.trackId}`),
  )
  const parts = [
    ...(mintsArtist ? [mintArtist(installation, artist)] : []),
    ...unminted.map((work) => mintWork(installation, work)),
  ]
  if (parts.length === 0) return null
  const { archive, space } = context.providers
  await publishCovers(parts, { archive, space, folder: context.workspacePath, signal: context.signal })
  const counted = `${unminted.length} ${unminted.length === 1 ? 'work' : 'works'}`
  return planOf('mint', mintsArtist ? `${artist.name} and ${counted}` : `${counted} by ${artist.name}`, parts)
}

/** Tasks that find the same gaps at once make the same edit under the same key, which is one transaction. */
async function publishSchema(
  { installation, held }: Grc20State,
  identity: SpaceIdentity,
  context: Context<unknown>,
): Promise<PublishedEdit | null> {
  const plan = planSchema(identity, new Set(held[identity.spaceId]))
  if (plan === null) return null
  const edit = await encodePlan(plan, identity)
  for (let attempt = 0; ; attempt++) {
    const shared = `${editKey(installation, edit)}${attempt === 0 ? '' : `:${attempt}`}`
    const published = await publishOnce(`${edit.editId} ${attempt}`, edit, context, shared)
    if (published) return published
  }
}

/** Publishes an edit once. Null when it was refused in an earlier attempt: somebody has tried again since, with another edit. */
async function publishOnce(
  key: string,
  edit: EncodedEdit,
  context: Context<unknown>,
  sharedKey?: string,
): Promise<PublishedEdit | null> {
  const { archive, space } = context.providers
  let refusal: ProviderRejected | null = null
  const outcome = await context.once(`publish ${key}`, async (idempotencyKey) => {
    const publishing = { archive, space, folder: context.workspacePath, signal: context.signal }
    try {
      return await publishEdit(edit, publishing, sharedKey ?? idempotencyKey)
    } catch (error) {
      if (!(error instanceof ProviderRejected)) throw error
      refusal = error
      return { refused: error.message }
    }
  })
  if (refusal) throw refusal
  return 'refused' in outcome ? null : PublishedEdit.parse(outcome)
}
