import { type Client, inTransaction } from '../db/client.ts'
import { BudgetExceeded, NotFound } from '../errors.ts'
import type { Claimed } from './perform.ts'

/**
 * Writes a line of the bill while holding the subject's row, so that reservations made at once never pass the budget together.
 *
 * @param usdMicros millionths of a dollar, whole, 0 or more
 * @throws BudgetExceeded when the sum would pass the subject's budget; NotFound when the subject has been deleted
 */
export async function spend(
  client: Pick<Client, 'pool'>,
  claimed: Claimed,
  usdMicros: number,
  reason: string,
): Promise<void> {
  if (!Number.isSafeInteger(usdMicros) || usdMicros < 0)
    throw new RangeError(`expected whole micro-dollars ≥ 0, got ${usdMicros}`)
  const subject = [claimed.pipeline, claimed.subject_id]
  await inTransaction(client, async (connection) => {
    await connection.query('select from subjects where pipeline = $1 and id = $2 for no key update', subject)
    // A statement of its own: its snapshot has what was spent while the lock was waited for.
    const { rows } = await connection.query<{ budget: number | null; spent: number }>(
      `select s.budget_usd_micros as budget,
         (select coalesce(sum(usd_micros), 0)::bigint from ledger l where l.pipeline = s.pipeline and l.subject_id = s.id) as spent
       from subjects s where s.pipeline = $1 and s.id = $2`,
      subject,
    )
    if (!rows[0]) throw new NotFound(`${claimed.pipeline} ${claimed.subject_id} is gone`)
    const { budget, spent } = rows[0]
    if (budget !== null && spent + usdMicros > budget) {
      throw new BudgetExceeded(
        `${reason} costs ${usdMicros / 1e6} USD, ${spent / 1e6} of ${budget / 1e6} USD are spent: raise the budget and retry`,
        { details: { usdMicros, spent, budget } },
      )
    }
    await connection.query(
      'insert into ledger (pipeline, subject_id, task_id, usd_micros, reason) values ($1, $2, $3, $4, $5)',
      [...subject, claimed.id, usdMicros, reason],
    )
  })
}
