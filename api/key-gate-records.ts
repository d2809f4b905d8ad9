import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { type Client, inTransaction } from '../worker/db/client.ts'
import { type KeyGateCode, KeyGateProblem } from './key-gate-problem.ts'

const NONCE_SECONDS = 600

export interface Nonce {
  readonly nonce: string
  readonly issuedAt: Date
  readonly expiresAt: Date
}

/** One decision, as it is written down. */
export interface Decision {
  readonly keyId: string
  /** In lower case. Proven only when the signature was checked before. */
  readonly address: string
  readonly reason: KeyGateCode | 'HOLDS_KEY'
  readonly blockNumber: number | null
}

/** Gives a number that can be signed once. Takes a few long dead ones away, so that there are never many. */
export async function addNonce({ pool }: Pick<Client, 'pool'>): Promise<Nonce> {
  const { rows } = await pool.query<Nonce>(
    `with dead as (
       delete from key_nonces where nonce in (
         select nonce from key_nonces where expires_at < now() - interval '1 day' limit 20 for update skip locked)
     )
     insert into key_nonces (nonce, expires_at) values ($1, now() + make_interval(secs => $2))
     returning nonce, created_at as "issuedAt", expires_at as "expiresAt"`,
    [randomBytes(16).toString('hex'), NONCE_SECONDS],
  )
  return rows[0]
}

/** @throws KeyGateProblem when a nonce was never given, has been used, or has expired */
export async function checkNonce({ pool }: Pick<Client, 'pool'>, nonce: string): Promise<void> {
  const { rows } = await pool.query<{ isUsed: boolean; isExpired: boolean }>(
    'select used_at is not null as "isUsed", expires_at <= now() as "isExpired" from key_nonces where nonce = $1',
    [nonce],
  )
  if (!rows[0]) throw new KeyGateProblem('NONCE_UNKNOWN', 'expected a nonce that was given here: take a new one')
  if (rows[0].isUsed) throw used()
  if (rows[0].isExpired) throw new KeyGateProblem('NONCE_EXPIRED', 'the nonce has expired: take a new one')
}

/**
 * Uses up the nonce and writes the decision down, both or neither. Of two requests with one nonce, one gets here first.
 *
 * @throws KeyGateProblem NONCE_USED, which is then what is written down
 */
export async function settleRelease(client: Pick<Client, 'pool'>, nonce: string, decision: Decision): Promise<void> {
  const isFirst = await inTransaction(client, async (connection) => {
    const { rowCount } = await connection.query(
      'update key_nonces set used_at = now() where nonce = $1 and used_at is null and expires_at > now()',
      [nonce],
    )
    await insert(connection, rowCount === 1 ? decision : { ...decision, reason: 'NONCE_USED' })
    return rowCount === 1
  })
  if (!isFirst) throw used()
}

/** Writes down a refusal that leaves the nonce as it is. */
export async function recordRefusal({ pool }: Pick<Client, 'pool'>, decision: Decision): Promise<void> {
  await insert(pool, decision)
}

async function insert(
  connection: Pick<pg.ClientBase, 'query'>,
  { keyId, address, reason, blockNumber }: Decision,
): Promise<void> {
  await connection.query(
    'insert into key_releases (key_id, address, decision, reason, block_number) values ($1, $2, $3, $4, $5)',
    [keyId, address, reason === 'HOLDS_KEY' ? 'granted' : 'denied', reason, blockNumber],
  )
}

const used = () => new KeyGateProblem('NONCE_USED', 'the nonce has been used: take a new one and sign again')
