import { type Client, inTransaction } from '../db/client.ts'
import { Blocked } from '../errors.ts'
import { masterKeyId, seal, unseal } from './seal.ts'

const BATCH = 500

/**
 * Encrypts every secret anew under another master key, all or none; processes that write meanwhile wait. Afterwards every
 * process must be started with the new one. Again with the same two keys does nothing.
 *
 * @returns how many secrets were encrypted anew
 * @throws Blocked when one was encrypted with neither key, or was changed in the database; then nothing has happened
 */
export async function reseal(options: {
  readonly client: Pick<Client, 'pool'>
  readonly from: Uint8Array
  readonly to: Uint8Array
}): Promise<number> {
  const { client, from, to } = options
  const [fromId, toId] = [masterKeyId(from), masterKeyId(to)]
  return inTransaction(client, async (connection) => {
    await connection.query('lock table secrets in exclusive mode')
    let resealed = 0
    for (let after = ''; ; ) {
      const { rows } = await connection.query<{ name: string; sealed: Buffer; key_id: string }>(
        'select name, sealed, key_id from secrets where name > $1 and key_id <> $2 order by name limit $3',
        [after, toId, BATCH],
      )
      for (const { name, sealed, key_id: keyId } of rows) {
        const secret = keyId === fromId ? unseal(from, name, sealed) : null
        if (!secret) {
          throw new Blocked(
            `the secret ${name} was encrypted with the master key ${keyId} or changed since; expected ${fromId}: nothing was encrypted anew`,
          )
        }
        await connection.query('update secrets set sealed = $2, key_id = $3 where name = $1', [
          name,
          seal(to, name, secret),
          toId,
        ])
        after = name
      }
      resealed += rows.length
      if (rows.length < BATCH) return resealed
    }
  })
}
