import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { deployContracts } from '../contracts/deploy.ts'
import { devAccount } from '../contracts/dev-accounts.ts'
import { startAnvil } from '../worker/chain/anvil/index.ts'
import { openChains } from '../worker/chain/open.ts'
import { type Config, readConfig } from '../worker/config.ts'
import { openClient } from '../worker/db/client.ts'
import { migrate } from '../worker/db/migrate.ts'
import { startPostgres } from '../worker/db/postgres/index.ts'
import { Blocked, InvalidInput } from '../worker/errors.ts'
import { createLog } from '../worker/log.ts'
import type { BatchServices } from '../worker/pipelines/artist/grc20/batch.ts'
import { openProviders } from '../worker/providers/index.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Opens the configured database, the chain and the metadata space for one piece of work, and closes them again. Needs no server,
 * and shares the embedded database and chain with one that runs. `NEON_DATABASE_URL` goes before `DATABASE_URL`.
 *
 * @throws InvalidInput, before anything is opened, that names every variable that is missing
 */
export async function visitSpace<Result>(
  given: Environment,
  signal: AbortSignal,
  work: (services: BatchServices) => Promise<Result>,
): Promise<Result> {
  const environment = { ...given, DATABASE_URL: given.NEON_DATABASE_URL || given.DATABASE_URL }
  requireSettings(environment)
  const config = readConfig(environment)
  await using opened = new AsyncDisposableStack()
  const url = await openDatabase(config, signal, opened)
  const client = openClient(url, { name: 'refrain grc20' })
  opened.defer(() => client.close())
  const chainUrl = await openChain(config, signal, opened)
  const chains = openChains({ config: { ...config, CHAIN_RPC_URL: chainUrl }, client, log: createLog('warn') })
  if (!chains) throw new Blocked('no chain is configured: CHAIN_RPC_URL is off')
  const { archive, space } = openProviders(environment, { chains: () => chains })
  await mkdir(config.REFRAIN_DATA_DIR, { recursive: true })
  const folder = await mkdtemp(join(config.REFRAIN_DATA_DIR, 'grc20-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  return await work({ client, archive, space, folder, signal })
}

/**
 * What is published for everybody to see comes from a database that was named, and is signed with a key that was given. On the
 * embedded chain nobody else sees it.
 */
function requireSettings(environment: Environment): void {
  const { CHAIN_RPC_URL: chain, SPACE_PROVIDER: provider } = environment
  if (!chain && (!provider || provider === 'embedded')) return
  const missing = [
    ...(chain ? [] : ['CHAIN_RPC_URL']),
    ...(environment.DATABASE_URL ? [] : ['DATABASE_URL (or NEON_DATABASE_URL)']),
    ...(environment.PRIVATE_KEY || chain === 'off' ? [] : ['PRIVATE_KEY']),
  ]
  if (missing.length === 0) return
  throw new InvalidInput(
    `publishing in a metadata space that is not on the embedded chain needs ${missing.join(' and ')}: set ${missing.length === 1 ? 'it' : 'them'} and try again`,
    { details: { missing } },
  )
}

async function openDatabase(config: Config, signal: AbortSignal, opened: AsyncDisposableStack): Promise<string> {
  if (config.DATABASE_URL) {
    await migrate(config.DATABASE_URL)
    return config.DATABASE_URL
  }
  const dataDirectory = join(config.REFRAIN_DATA_DIR, 'postgres')
  const postgres = await startPostgres({ dataDirectory, log: createLog('warn'), signal })
  opened.defer(() => postgres.stop())
  await migrate(postgres.url)
  return postgres.url
}

async function openChain(config: Config, signal: AbortSignal, opened: AsyncDisposableStack): Promise<string> {
  if (config.CHAIN_RPC_URL) return config.CHAIN_RPC_URL
  const anvil = await startAnvil({
    dataDirectory: join(config.REFRAIN_DATA_DIR, 'chain'),
    log: createLog('warn'),
    signal,
  })
  opened.defer(() => anvil.stop())
  // Told to whoever uses the chain, whose next request fails.
  anvil.failed.catch(() => {})
  const { PRIVATE_KEY: key } = config
  const operator = key ? privateKeyToAccount(key as Hex).address : devAccount(0).address
  await deployContracts({ rpcUrl: anvil.url, operator, signal })
  return anvil.url
}
