import { and, eq } from 'drizzle-orm'
import { GraphQLError } from 'graphql'
import { keyReleases } from '../../worker/db/vault-tables.ts'
import { connectionComplexity, connectionOf, newestFirst } from '../newest-first.ts'
import type { SchemaParts } from '../parts.ts'

type KeyReleaseRow = typeof keyReleases.$inferSelect

/** The audit log of the key gate, for operators. */
export function defineKeyGate({ builder }: SchemaParts): void {
  const KeyReleaseDecision = builder.enumType('KeyReleaseDecision', {
    description: 'What the key gate decided.',
    values: {
      GRANTED: { value: 'granted', description: 'The content key was given out.' },
      DENIED: { value: 'denied', description: 'The content key was not given out.' },
    } as const,
  })
  const KeyRelease = builder.objectRef<KeyReleaseRow>('KeyRelease').implement({
    description: 'One decision of the key gate about a content key. Holds no key and no signature.',
    fields: (t) => ({
      keyId: t.exposeString('keyId', { description: 'The key that was asked for, as manifests name it.' }),
      address: t.exposeString('address', {
        description: 'Who asked, in lower case. Only claimed, unless the reason is `HOLDS_KEY` or `NO_KEY`.',
      }),
      decision: t.field({
        type: KeyReleaseDecision,
        description: 'Whether the key was given out.',
        resolve: (row) => row.decision,
      }),
      reason: t.exposeString('reason', {
        description: 'Why, as a code: `HOLDS_KEY`, `NO_KEY`, `NONCE_USED`, `BAD_SIGNATURE` and the like.',
      }),
      blockNumber: t.field({
        type: 'SafeInt',
        nullable: true,
        description: 'The block at which the condition was read; null when it was not.',
        resolve: (row) => row.blockNumber,
      }),
      at: t.field({ type: 'DateTime', description: 'When it was decided.', resolve: (row) => row.at }),
    }),
  })

  builder.queryField('keyReleases', (t) =>
    t.connection(
      {
        type: KeyRelease,
        description: 'Decisions of the key gate, newest first. For operators: needs the token that mutations need.',
        complexity: connectionComplexity,
        args: {
          keyId: t.arg.string({ description: 'Only decisions about this key.' }),
          address: t.arg.string({ description: 'Only decisions about this address.' }),
          decision: t.arg({ type: KeyReleaseDecision, description: 'Only these decisions.' }),
        },
        resolve: (_root, args, { client, isAuthorized }) => {
          if (!isAuthorized) {
            throw new GraphQLError('`keyReleases` needs the header `Authorization: Bearer <API_TOKEN>`.', {
              extensions: { code: 'UNAUTHORIZED' },
            })
          }
          return newestFirst(args, keyReleases.id, ({ conditions, order, limit }) => {
            if (args.keyId) conditions.push(eq(keyReleases.keyId, args.keyId))
            if (args.address) conditions.push(eq(keyReleases.address, args.address.toLowerCase()))
            if (args.decision) conditions.push(eq(keyReleases.decision, args.decision))
            return client.database
              .select()
              .from(keyReleases)
              .where(and(...conditions))
              .orderBy(order)
              .limit(limit)
          })
        },
      },
      ...connectionOf('KeyRelease'),
    ),
  )
}
