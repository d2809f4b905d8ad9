import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { getAddress } from 'viem'
import { z } from 'zod'
import { lensAccounts } from '../../db/artist-tables.ts'
import { Artifact } from '../../engine/artifact.ts'
import type { Context } from '../../engine/context.ts'
import { Blocked } from '../../errors.ts'
import { Account } from '../../providers/accounts/contract.ts'
import { handleCandidates } from './handle.ts'
import { mintPkp } from './mint-pkp.ts'
import { type Artist, artistStage } from './subject.ts'

const Archived = z.object({ provider: z.string(), id: z.string(), url: z.string() })
const LensAccount = Account.extend({ metadata: Artifact, metadataUri: z.string(), archived: Archived })

/** Makes the artist's one account, under a handle of the artist's name, owned by the artist's wallet. */
export const createLens = artistStage({
  name: 'create_lens',
  description: "Makes the artist's account under its handle",
  after: [mintPkp],
  output: LensAccount,
  canSkip: true,
  milestone: 'identified',
  async run({ mint_pkp: wallet }, context) {
    const { subject, providers, signal } = context
    if (wallet === null) return context.skip('the artist has no wallet')
    if (subject.walletAddress === null)
      throw new Blocked(`artist ${subject.id} has no wallet on record: run mint_pkp again`)
    const { unavailableReason, longestHandle } = providers.accounts
    if (unavailableReason !== null) return context.skip(unavailableReason)
    const described = await describe(context)
    // An artist that is renamed in between would get a second account.
    const handles = await context.once('handles', async () =>
      handleCandidates({ name: subject.name, identity: subject.walletName }, longestHandle),
    )
    const address = getAddress(subject.walletAddress)
    const account = await context.once('account', (idempotencyKey) =>
      providers.accounts.create({
        handles,
        metadataUri: described.metadataUri,
        owner: {
          address,
          sign: (message) => providers.wallet.sign({ name: subject.walletName, address, message, signal }),
        },
        idempotencyKey,
        signal,
      }),
    )
    return { ...account, ...described }
  },
  async record({ address, metadata, archived, ...account }, transaction, artist) {
    await transaction.execute(
      sql`insert into artifact_locations (sha256, provider, external_id, url, role)
          values (${metadata.sha256}, ${archived.provider}, ${archived.id}, ${archived.url}, 'archive') on conflict do nothing`,
    )
    await transaction
      .insert(lensAccounts)
      .values({ artistId: artist.id, accountAddress: address, ...account })
      .onConflictDoNothing({ target: lensAccounts.artistId })
  },
})

/** Writes the account's public description and archives it. What came first stays: an attempt that comes again says the same. */
async function describe(context: Context<Artist>) {
  const { subject, providers, signal } = context
  const text = await context.once('description', async () => JSON.stringify(description(subject)))
  const path = join(context.workspacePath, 'account.json')
  await writeFile(path, text)
  const metadata = await context.keep(path, { name: 'account.json', contentType: 'application/json' })
  const archived = await context.once('archived', async () => {
    const file = { path: await context.open(metadata), ...metadata }
    const { provider, id, url } = await providers.archive.store(file, { signal })
    return { provider, id, url }
  })
  // A content id is found wherever it is; an address of this server only here.
  const metadataUri = archived.provider === 'embedded' ? `ipfs://${archived.id}` : archived.url
  return { metadata, metadataUri, archived }
}

/** @see https://json-schemas.lens.dev/account/1.0.0.json */
function description({ name, imageUrl, walletName }: Artist) {
  const hash = createHash('sha256').update(walletName).digest('hex')
  const id = hash.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-8$3-8$4-$5')
  return {
    $schema: 'https://json-schemas.lens.dev/account/1.0.0.json',
    lens: { id, name, ...(imageUrl ? { picture: imageUrl } : {}) },
  }
}
