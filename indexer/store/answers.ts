import { type Call, type CallAnswer, callKey } from '../wasm/calls.ts'
import type { Queryable } from './deployments.ts'

/** What the database knows of calls that contracts have answered at a block, by `callKey`. */
export async function readAnswers(
  connection: Queryable,
  chainId: number,
  calls: readonly Call[],
): Promise<Map<string, CallAnswer>> {
  const asked = calls.filter((call) => call.method === 'call')
  if (asked.length === 0) return new Map()
  const { rows } = await connection.query<{ position: number; output: string | null }>(
    `select asked.position::integer, '0x' || encode(output, 'hex') as output
     from unnest($2::bytea[], $3::bytea[], $4::bytea[]) with ordinality as asked (block_hash, to_address, input, position)
     join indexer.calls using (block_hash, to_address, input) where chain_id = $1`,
    [
      chainId,
      asked.map((call) => bytes(call.blockHash)),
      asked.map((call) => bytes(call.to)),
      asked.map((call) => bytes(call.data)),
    ],
  )
  return new Map(rows.map((row) => [callKey(asked[row.position - 1]), row.output]))
}

const bytes = (hex: string): Buffer => Buffer.from(hex.slice(2), 'hex')
