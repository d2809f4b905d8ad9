import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startQueryServer } from '../indexer/query/server.ts'
import { CREATE_INDEXER_TABLES } from '../indexer/store/deployments.ts'
import { createTables } from '../indexer/store/layout.ts'
import { parseEntityTypes } from '../indexer/store/schema.ts'
import { type Client, openClient } from '../worker/db/client.ts'
import { startPostgres } from '../worker/db/postgres/index.ts'
import { createLog } from '../worker/log.ts'

/**
 * What the first page of a list costs at 10,000 and at 1,000,000 entities, over HTTP: `node bench/catalog-reads.ts`
 *
 * The entities are keys of locks, a hundred to a lock, each with an owner of their own in ten; one key in five has been extended once,
 * so that there is history to skip.
 */
const SIZES = [10_000, 1_000_000] as const
const WARM_UPS = 5
const ROUNDS = Number(process.argv[2] ?? 41)
const BLOCK = 2_000_000

/** `$middle` and so on are filled in per size: values in the middle of what there is. */
const QUERIES: Readonly<Record<string, string>> = {
  'by equality': '{ keys(where: {owner: "$owner"}) { id tokenId } }',
  'filtered, ordered by a column':
    '{ keys(where: {isCanceled: false}, orderBy: expiration, orderDirection: desc) { id owner } }',
  'ordered by a column': '{ keys(orderBy: createdAtBlock, orderDirection: desc) { id owner expiration } }',
  'ordered one level down': '{ keys(orderBy: lock__name) { id lock { name } } }',
  'ordered one level down, descending': '{ keys(orderBy: lock__createdAt, orderDirection: desc) { id lock { name } } }',
  'filtered, ordered one level down': '{ keys(where: {isCanceled: false}, orderBy: lock__name) { id lock { name } } }',
  'next 1,000 by id_gt': '{ keys(first: 1000, where: {id_gt: "$middle"}) { id owner } }',
  'filtered one level down': '{ keys(where: {lock_: {name: "$name"}}) { id owner } }',
  'filtered by what refers back': '{ locks(where: {keys_: {owner: "$owner"}}) { id name } }',
  'nested lists': '{ locks(first: 20) { id keys(first: 10, orderBy: expiration, orderDirection: desc) { id owner } } }',
  'at an earlier block': `{ keys(block: {number: ${BLOCK - 10}}, orderBy: createdAtBlock, orderDirection: desc) { id owner } }`,
}

const folder = await mkdtemp(join(tmpdir(), 'refrain-bench-'))
// PostgreSQL runs as another user when root starts it, and must reach its folder.
await chmod(folder, 0o755)
const log = createLog('error')
const postgres = await startPostgres({
  dataDirectory: join(folder, 'postgres'),
  sharedDirectory: join(folder, 'shared'),
  settings: { shared_buffers: '512MB', maintenance_work_mem: '256MB', max_wal_size: '4GB' },
  log,
})
try {
  const client = openClient(postgres.url)
  try {
    await measure(client)
  } finally {
    await client.close()
  }
} finally {
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
}

async function measure(client: Client): Promise<void> {
  const schemaText = await readFile(new URL('../subgraph/schema.graphql', import.meta.url), 'utf8')
  await client.pool.query(CREATE_INDEXER_TABLES)
  for (const size of SIZES) await fill(client, schemaText, size)
  const server = await startQueryServer({ client, host: '127.0.0.1', port: 0, log })
  try {
    console.log(`median of ${ROUNDS} requests each, in milliseconds`)
    for (const [name, query] of Object.entries(QUERIES)) {
      const times = new Map<number, number[]>(SIZES.map((size) => [size, []]))
      for (let round = -WARM_UPS; round < ROUNDS; round++) {
        // In turn, so that whatever else the machine does meets both.
        for (const size of SIZES) {
          const ms = await time(`${server.url}/subgraphs/name/keys${size}`, fillIn(query, size))
          if (round >= 0) times.get(size)?.push(ms)
        }
      }
      const [small, large] = SIZES.map((size) => median(times.get(size) ?? []))
      console.log(
        `${name.padEnd(36)} ${small.toFixed(2).padStart(8)} ${large.toFixed(2).padStart(8)}   × ${(large / small).toFixed(2)}`,
      )
    }
  } finally {
    await server.close()
  }
}

function hex(number: number, bytes: number): string {
  return `0x${number.toString(16).padStart(2 * bytes, '0')}`
}

function fillIn(query: string, size: number): string {
  return query
    .replaceAll('$owner', hex(Math.floor(size / 20), 20))
    .replaceAll('$middle', hex(Math.floor(size / 2), 52))
    .replaceAll('$name', `Song ${Math.floor(size / 200)}`)
}

async function time(url: string, query: string): Promise<number> {
  const startedAt = performance.now()
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  const text = await response.text()
  const ms = performance.now() - startedAt
  if (!text.startsWith('{"data":') || text.length < 40) throw new Error(`${query} gave ${text.slice(0, 200)}`)
  return ms
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}

async function fill(client: Client, schemaText: string, size: number): Promise<void> {
  const schema = `sg_keys${size}`
  const statements = createTables(schema, parseEntityTypes(schemaText))
  const isIndex = (statement: string) => /^create (unique )?index/.test(statement)
  for (const statement of statements.filter((text) => !isIndex(text))) await client.pool.query(statement)
  const bytes = (number: string, length: number) => `decode(lpad(to_hex(${number}), ${2 * length}, '0'), 'hex')`
  // Neighbours in time are strangers in every other order, as they are on a chain.
  const shuffled = `((n::bigint * 7919) % ${size})::int`
  await client.pool.query(
    `insert into ${schema}.artist (id, valid_from) select ${bytes('n', 20)}, n from generate_series(0, ${size / 100 - 1}) n`,
  )
  await client.pool.query(
    `insert into ${schema}.lock (id, artist, name, price, currency, expiration_duration, max_keys, max_keys_per_address,
       version, total_keys, created_at, created_at_block, valid_from)
     select ${bytes('n', 20)}, ${bytes('n', 20)}, 'Song ' || n, 600000000000000, ${bytes('0', 20)}, 2592000, 1000, 1,
       15, 100, 1700000000 + (n * 37) % ${size / 100}, n, n
     from generate_series(0, ${size / 100 - 1}) n`,
  )
  const insertKeys = (from: string, to: string, condition: string) =>
    client.pool.query(
      `insert into ${schema}.key (id, lock, token_id, owner, expiration, is_canceled, created_at, created_at_block, valid_from, valid_to)
       select ${bytes('n', 52)}, ${bytes(`(${shuffled} / 100)`, 20)}, n, ${bytes(`(${shuffled} / 10)`, 20)}, 1700000000 + ${shuffled},
         n % 10 = 0, 1700000000 + n, n, ${from}, ${to}
       from generate_series(0, ${size - 1}) n where ${condition}`,
    )
  await insertKeys('n', `n + ${BLOCK / 2}`, 'n % 5 = 0')
  await insertKeys(`case when n % 5 = 0 then n + ${BLOCK / 2} else n end`, '2147483647', 'true')
  for (const statement of statements.filter(isIndex)) await client.pool.query(statement)
  await client.pool.query(`vacuum analyze ${schema}.key, ${schema}.lock, ${schema}.artist`)
  await client.pool.query(
    `insert into indexer.deployments (id, name, schema, chain_id, network, schema_text, start_block, block_number, block_hash,
       block_parent_hash, block_timestamp, state)
     values ($1, $1, $2, 31337, 'bench', $3, 0, ${BLOCK}, '\\x01', '\\x02', 1700000000, 'following')`,
    [`keys${size}`, schema, schemaText],
  )
}
