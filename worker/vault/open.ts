import type pg from 'pg'
import { type Client, inTransaction } from '../db/client.ts'
import { Blocked } from '../errors.ts'
import type { Vault } from './contract.ts'
import { masterKeyId, type Secret, seal, unseal } from './seal.ts'

interface Row {
  readonly sealed: Buffer
  readonly key_id: string
}

/**
 * The vault in the database's table `secrets`.
 *
 * @param options.secretKey the 32 bytes of the master key, from `loadSecretKey`
 */
export function openVault({ client, secretKey }: { client: Pick<Client, 'pool'>; secretKey: Uint8Array }): Vault {
  const ownId = masterKeyId(secretKey)

  async function find(pool: Pick<pg.ClientBase, 'query'>, name: string): Promise<Secret | null> {
    const { rows } = await pool.query<Row>('select sealed, key_id from secrets where name = $1', [name])
    if (!rows[0]) return null
    if (rows[0].key_id !== ownId) throw otherKey(rows[0].key_id, ownId)
    const secret = unseal(secretKey, name, rows[0].sealed)
    if (!secret) {
      throw new Blocked(
        `the secret ${name} was changed in the database since it was kept: restore the table secrets from a backup`,
      )
    }
    return secret
  }

  return {
    open: (name) => find(client.pool, name),
    async keep(name, make) {
      const kept = await find(client.pool, name)
      if (kept) return kept
      const secret = make()
      return inTransaction(client, async (connection) => {
        // One at a time, so that two processes with two master keys cannot both begin an empty vault.
        await connection.query('lock table secrets in share row exclusive mode')
        const { rows } = await connection.query<Row>(
          'select key_id from secrets where key_id < $1 or key_id > $1 limit 1',
          [ownId],
        )
        if (rows[0]) throw otherKey(rows[0].key_id, ownId)
        const before = await find(connection, name)
        if (before) return before
        await connection.query('insert into secrets (name, sealed, key_id) values ($1, $2, $3)', [
          name,
          seal(secretKey, name, secret),
          ownId,
        ])
        return secret
      })
    },
  }
}

function otherKey(theirs: string, ours: string): Blocked {
  return new Blocked(
    `the secrets in the database were encrypted with the master key ${theirs}, this process has ${ours}: set REFRAIN_SECRET_KEY (or restore secret.key in the data folder) to the one they were encrypted with`,
    { details: { expectedKeyId: theirs, keyId: ours } },
  )
}
