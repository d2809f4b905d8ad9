import { formatEther, zeroAddress } from 'viem'
import type { CatalogKey, CatalogLock } from '../catalog.ts'
import type { SchemaParts } from '../parts.ts'
import { parseAddress, parseKeyId } from './catalog-address.ts'
import { expiryOf } from './catalog-time.ts'

/** Locks on chain, their terms and their keys, joined with the artists here. */
export function defineCatalogLock({ builder }: SchemaParts): void {
  const nowSeconds = () => Math.floor(Date.now() / 1000)

  builder.objectType('CatalogLock', {
    description: 'A lock as it stands on chain: it sells keys, and a valid key opens the songs encrypted for it.',
    fields: (t) => ({
      address: t.string({ description: 'Its address.', resolve: (lock: CatalogLock) => lock.id }),
      name: t.exposeString('name', { description: 'Name shown to buyers.' }),
      priceWei: t.string({
        description: 'Price of a key in the smallest unit of its currency, in decimal digits.',
        resolve: (lock) => lock.price,
      }),
      priceEth: t.string({
        nullable: true,
        description: "Price of a key in the chain's own currency; null when it is in a token.",
        resolve: (lock) => (lock.currency === zeroAddress ? formatEther(BigInt(lock.price)) : null),
      }),
      currency: t.exposeString('currency', {
        description: "Token the price is in; the zero address for the chain's own currency.",
      }),
      durationSeconds: t.string({
        description: 'How long a key is valid, in decimal digits; the largest uint256 for keys that never expire.',
        resolve: (lock) => lock.expirationDuration,
      }),
      maxKeys: t.exposeString('maxKeys', {
        description: 'Most keys there may be, in decimal digits; the largest uint256 for any number.',
      }),
      maxKeysPerAddress: t.exposeString('maxKeysPerAddress', {
        description: 'Most valid keys one address may hold, in decimal digits.',
      }),
      totalKeys: t.exposeString('totalKeys', {
        description: 'Keys issued and not burned, expired ones included, in decimal digits.',
      }),
      version: t.exposeInt('version', { description: "Version of the lock's contract." }),
      createdAt: t.field({
        type: 'DateTime',
        description: 'When it was created.',
        resolve: (lock) => new Date(lock.createdAt * 1000),
      }),
      owner: t.string({
        description: 'Address of its owner when it was created; `artist` says who that is here.',
        resolve: (lock) => lock.artist.id,
      }),
      handle: t.string({
        nullable: true,
        description: "Handle of that address's account; null without one.",
        resolve: (lock) => lock.artist.handle,
      }),
      artist: t.field({
        type: 'Artist',
        nullable: true,
        description: 'The artist here whose lock it is; null for the lock of somebody else.',
        resolve: (lock, _args, { loaders }) => loaders.artistByLock(lock.id),
      }),
      opensFor: t.boolean({
        description: 'Whether a wallet holds a key that is valid now.',
        args: { wallet: t.arg.string({ required: true, description: 'Address of the wallet.' }) },
        resolve: async (lock, { wallet }, { catalog }) =>
          (await catalog.opens(`${lock.id}:${parseAddress(wallet, 'wallet')}`)) ?? false,
      }),
      keys: t.field({
        type: ['CatalogKey'],
        description: 'Its keys, by their names on chain.',
        args: {
          first: t.arg.int({ defaultValue: 20, description: 'At most this many, up to 100.' }),
          afterId: t.arg.string({
            description: 'Only keys after the one with this `id`: the last of the page before.',
          }),
          isActive: t.arg.boolean({ description: 'With true, only keys that are valid now.' }),
        },
        complexity: ({ first }) => ({ field: 5, multiplier: Math.max(1, Math.min(first ?? 20, 100)) }),
        resolve: (lock, { first, afterId, isActive }, { catalog }) =>
          catalog.keys({
            lock: lock.id,
            limit: Math.max(0, Math.min(first ?? 20, 100)),
            ...(afterId ? { afterId: parseKeyId(afterId, 'afterId') } : {}),
            ...(isActive ? { validAfter: nowSeconds() } : {}),
          }),
      }),
    }),
  })

  builder.objectType('CatalogKey', {
    description: 'A key to a lock. An expiry happens without any event on chain: `isActive` compares with the present.',
    fields: (t) => ({
      id: t.exposeString('id', { description: 'Its name: lock address and token id.' }),
      tokenId: t.exposeString('tokenId', { description: 'Token id within the lock, in decimal digits.' }),
      owner: t.exposeString('owner', { description: 'Who holds it; the zero address when burned.' }),
      expiresAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'Until when it is valid; null when it never expires.',
        resolve: (key: CatalogKey) => expiryOf(key.expiration),
      }),
      isActive: t.boolean({
        description: 'Whether it opens now.',
        resolve: (key) => key.owner !== zeroAddress && BigInt(key.expiration) > BigInt(nowSeconds()),
      }),
      isCanceled: t.exposeBoolean('isCanceled', {
        description: 'Whether the last that happened to it was a cancellation.',
      }),
      createdAt: t.field({
        type: 'DateTime',
        description: 'When it was issued.',
        resolve: (key) => new Date(key.createdAt * 1000),
      }),
      lock: t.field({
        type: 'CatalogLock',
        nullable: true,
        description: 'The lock it opens; null only while the catalog does not show it.',
        resolve: (key, _args, { catalog }) => catalog.lock(key.lock.id),
      }),
    }),
  })

  builder.objectField('Artist', 'catalogLock', (t) =>
    t.field({
      type: 'CatalogLock',
      nullable: true,
      description: "The artist's lock as it stands on chain; null until the catalog shows it.",
      complexity: 5,
      resolve: ({ lock }, _args, { catalog }) =>
        lock?.address && catalog.isThere ? catalog.lock(lock.address.toLowerCase()) : null,
    }),
  )

  builder.queryFields((t) => ({
    catalogLock: t.field({
      type: 'CatalogLock',
      nullable: true,
      description: 'One lock on chain; null when the catalog has none at that address.',
      complexity: 5,
      args: { address: t.arg.string({ required: true, description: '0x and 40 hexadecimal digits.' }) },
      resolve: (_root, { address }, { catalog }) => catalog.lock(parseAddress(address, 'address')),
    }),
    catalogKeys: t.field({
      type: ['CatalogKey'],
      nullable: true,
      description:
        'The keys that a wallet holds, by their names on chain. Null with an error while the catalog does not answer.',
      args: {
        owner: t.arg.string({ required: true, description: 'Address of the wallet.' }),
        isActive: t.arg.boolean({ description: 'With true, only keys that are valid now.' }),
        first: t.arg.int({ defaultValue: 20, description: 'At most this many, up to 100.' }),
        afterId: t.arg.string({ description: 'Only keys after the one with this `id`: the last of the page before.' }),
      },
      complexity: ({ first }) => ({ field: 5, multiplier: Math.max(1, Math.min(first ?? 20, 100)) }),
      resolve: (_root, { owner, isActive, first, afterId }, { catalog }) =>
        catalog.keys({
          owner: parseAddress(owner, 'owner'),
          limit: Math.max(0, Math.min(first ?? 20, 100)),
          ...(afterId ? { afterId: parseKeyId(afterId, 'afterId') } : {}),
          ...(isActive ? { validAfter: nowSeconds() } : {}),
        }),
    }),
  }))
}
