import { eq } from 'drizzle-orm'
import { getAddress, parseEther } from 'viem'
import { lensAccounts } from '../../db/artist-tables.ts'
import { Blocked } from '../../errors.ts'
import { Lock } from '../../providers/locks/contract.ts'
import { createLens } from './create-lens.ts'
import { mintGrc20 } from './mint-grc20.ts'
import { artistStage } from './subject.ts'

const SECONDS_PER_DAY = 86_400
/** Longer names cost gas and are cut by most who show them. */
const LONGEST_NAME = 80

/** Deploys the artist's one lock, whose keys open the full songs of all the artist's tracks. */
export const deployUnlock = artistStage({
  name: 'deploy_unlock',
  description: "Deploys the artist's lock",
  after: [createLens],
  // Only the order in which things usually happen: a lock needs no metadata.
  optionalAfter: [mintGrc20],
  output: Lock,
  canSkip: true,
  milestone: 'locked',
  async run({ create_lens: account }, context) {
    const { subject, providers, config, signal } = context
    if (account === null) return context.skip('the artist has no account')
    const { walletAddress, accountAddress } = subject
    if (walletAddress === null || accountAddress === null)
      throw new Blocked(`artist ${subject.id} has no account on record: run create_lens again`)
    const { unavailableReason } = providers.locks
    if (unavailableReason !== null) return context.skip(unavailableReason)
    // What was ordered first stays, whatever the configuration says when an attempt comes again.
    const { priceWei, ...terms } = await context.once('terms', async () => ({
      name: `${[...subject.name].slice(0, LONGEST_NAME).join('')} – karaoke`,
      priceWei: parseEther(config.LOCK_PRICE_ETH).toString(),
      durationSeconds: Math.max(1, Math.round(config.LOCK_DURATION_DAYS * SECONDS_PER_DAY)),
      maxKeys: config.LOCK_MAX_KEYS,
    }))
    const creator = getAddress(walletAddress)
    return await context.once('lock', (idempotencyKey) =>
      providers.locks.deploy({ ...terms, priceWei: BigInt(priceWei), creator, idempotencyKey, signal }),
    )
  },
  async record(lock, transaction, artist) {
    await transaction
      .update(lensAccounts)
      .set({
        lockAddress: lock.address,
        lockChainId: lock.chainId,
        lockPriceWei: lock.priceWei,
        lockCurrency: lock.currency,
        lockDurationSeconds: lock.durationSeconds,
        lockMaxKeys: lock.maxKeys,
        lockTxHash: lock.txHash,
        lockDeployedAt: new Date(lock.deployedAt),
      })
      .where(eq(lensAccounts.artistId, artist.id))
  },
})
