import { pkpAccounts } from '../../db/artist-tables.ts'
import { Wallet } from '../../providers/wallet/contract.ts'
import { enrichments, mergedReason } from './enrichment.ts'
import { artistStage } from './subject.ts'

/** Makes the artist's one wallet. The key pair stays with whoever made it. */
export const mintPkp = artistStage({
  name: 'mint_pkp',
  description: "Makes the artist's wallet",
  optionalAfter: enrichments,
  output: Wallet,
  canSkip: true,
  async run(_inputs, context) {
    const { subject, providers, signal } = context
    if (subject.mergedInto !== null) return context.skip(mergedReason(subject.mergedInto))
    const { unavailableReason, priceUsdMicros } = providers.wallet
    if (unavailableReason !== null) return context.skip(unavailableReason)
    if (priceUsdMicros > 0)
      await context.once('price', () => context.spend(priceUsdMicros, `a wallet for ${subject.name}`))
    return await context.once('wallet', (idempotencyKey) =>
      providers.wallet.create({ name: subject.walletName, idempotencyKey, signal }),
    )
  },
  async record(wallet, transaction, artist) {
    await transaction
      .insert(pkpAccounts)
      .values({ artistId: artist.id, ...wallet })
      .onConflictDoNothing({ target: pkpAccounts.artistId })
  },
})
