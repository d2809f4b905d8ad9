import { join } from 'node:path'
import { readConfig } from '../worker/config.ts'
import { openClient } from '../worker/db/client.ts'
import { migrate } from '../worker/db/migrate.ts'
import { InvalidInput } from '../worker/errors.ts'
import { reseal } from '../worker/vault/reseal.ts'
import { loadSecretKey, parseKey, rotateSecretKey } from '../worker/vault/secret-key.ts'
import { atDatabase } from './database.ts'

/**
 * Encrypts every secret of the configured database anew: under a new key in the data folder, or, where the environment gives the key,
 * under the one in `REFRAIN_NEXT_SECRET_KEY`. Again after a crash it goes on.
 *
 * @returns how many were encrypted anew, and where the key now is
 * @throws InvalidInput when a new key is missing or is none; Blocked when a secret opens with neither key, and then nothing has changed
 */
export async function rotateSecrets(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly resealed: number; readonly kept: string }> {
  const config = readConfig(environment)
  const { REFRAIN_SECRET_KEY: configured, REFRAIN_DATA_DIR: folder } = config
  const next = environment.REFRAIN_NEXT_SECRET_KEY || undefined
  if (Boolean(configured) !== Boolean(next)) {
    throw new InvalidInput(
      configured
        ? 'REFRAIN_SECRET_KEY is set, so the new key has to be given too: set REFRAIN_NEXT_SECRET_KEY (32 bytes, hexadecimal or base64)'
        : 'REFRAIN_NEXT_SECRET_KEY is set without REFRAIN_SECRET_KEY: set the old one too, or neither for the key in the data folder',
    )
  }
  const kept = next ? 'REFRAIN_NEXT_SECRET_KEY, now to be set as REFRAIN_SECRET_KEY,' : join(folder, 'secret.key')
  const to = next === undefined ? null : parseKey(next)
  if (next !== undefined && !to) {
    throw new InvalidInput(
      'REFRAIN_NEXT_SECRET_KEY: expected 32 bytes, hexadecimal or base64, got a value that is not shown',
    )
  }
  return await atDatabase(config, async (url) => {
    await migrate(url)
    const client = openClient(url)
    try {
      if (!to) return { resealed: await rotateSecretKey(client, folder), kept }
      return { resealed: await reseal({ client, from: await loadSecretKey(configured, folder), to }), kept }
    } finally {
      await client.close()
    }
  })
}
