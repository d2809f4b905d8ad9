import { formatEther } from 'viem'
import type { SchemaParts } from '../parts.ts'

/** What of an artist is on chain: the wallet, the account and the lock. */
export function defineArtistIdentity({ builder }: SchemaParts): void {
  builder.objectType('ArtistWallet', {
    description: "An artist's wallet. Its key stays with who made it.",
    fields: (t) => ({
      address: t.exposeString('address', { description: 'Its address.' }),
      tokenId: t.exposeString('tokenId', {
        nullable: true,
        description: 'The token that stands for it, in decimal; null where there is none.',
      }),
      owner: t.exposeString('owner', { nullable: true, description: 'Who registered it; null when not known.' }),
      network: t.exposeString('network', { description: 'Where it was registered, as in `eip155:31337`.' }),
      provider: t.exposeString('provider', { description: 'Who made it.' }),
      txHash: t.exposeString('txHash', { nullable: true, description: 'The transaction; null where there is none.' }),
      mintedAt: t.field({ type: 'DateTime', description: 'When it was recorded.', resolve: (row) => row.mintedAt }),
    }),
  })
  builder.objectType('ArtistAccount', {
    description: "An artist's account under its handle.",
    fields: (t) => ({
      handle: t.exposeString('handle', { description: 'Its handle.' }),
      address: t.exposeString('address', { description: 'Its address.' }),
      owner: t.exposeString('owner', { description: 'The wallet that owns it.' }),
      namespace: t.exposeString('namespace', { description: 'Where no other account has this handle.' }),
      provider: t.exposeString('provider', { description: 'Who made it.' }),
      metadataUri: t.exposeString('metadataUri', { description: 'Where its public description is.' }),
      takenHandles: t.stringList({
        description: 'Handles that would have come first and belong to others.',
        resolve: (row) => [...row.takenHandles],
      }),
      txHash: t.exposeString('txHash', {
        nullable: true,
        description: 'The transaction; null when it was there already.',
      }),
      createdAt: t.field({ type: 'DateTime', description: 'When it was recorded.', resolve: (row) => row.createdAt }),
    }),
  })
  builder.objectType('ArtistLock', {
    description: "An artist's lock, and the terms of its keys when it was deployed.",
    fields: (t) => ({
      address: t.exposeString('address', { description: 'Its address.' }),
      chainId: t.field({ type: 'SafeInt', description: 'EIP-155 id of its chain.', resolve: (row) => row.chainId }),
      priceWei: t.exposeString('priceWei', { description: "Price of a key in the currency's smallest unit." }),
      price: t.string({
        description: 'Price of a key in the currency, such as `0.0006`.',
        resolve: ({ priceWei }) => formatEther(BigInt(priceWei)),
      }),
      currency: t.exposeString('currency', { description: 'The currency, such as `ETH`.' }),
      durationSeconds: t.field({
        type: 'SafeInt',
        description: 'How long a key opens.',
        resolve: (row) => row.durationSeconds,
      }),
      maxKeys: t.field({ type: 'SafeInt', description: 'Most keys it sells.', resolve: (row) => row.maxKeys }),
      txHash: t.exposeString('txHash', { nullable: true, description: 'The transaction; null when not known.' }),
      deployedAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When it was deployed; null when not known.',
        resolve: (row) => row.deployedAt,
      }),
    }),
  })
}
