import { cpus } from 'node:os'
import { resolve } from 'node:path'
import { z } from 'zod'
import { QUEUES } from './engine/define.ts'
import { InvalidInput } from './errors.ts'
import { LOG_LEVELS } from './log.ts'

/** One environment variable: how it is read, and what a person needs to know to set it. */
interface Variable<Schema extends z.ZodType> {
  readonly schema: Schema
  readonly description: string
  readonly isSecret?: boolean
}

const variable = <Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  options: { isSecret?: boolean } = {},
): Variable<Schema> => ({
  schema,
  description,
  ...options,
})

const list = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean),
    )
const whole = (fallback: number, min: number, max: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback)
const seconds = (fallback: number, max: number) => z.coerce.number().positive().max(max).default(fallback)
const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false'])
    .default(fallback ? 'true' : 'false')
    .transform((text) => text === 'true')

const chainUrl = z.union([z.literal('off'), z.url({ protocol: /^https?$/ })])
const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'expected 0x and 40 hexadecimal digits')
  .optional()

const cores = Math.max(1, cpus().length)

const variables = {
  DATABASE_URL: variable(
    z.url({ protocol: /^postgres(ql)?$/ }).optional(),
    'PostgreSQL 14 or newer, with `sslmode` and `channel_binding` honoured; unset starts the embedded server',
    { isSecret: true },
  ),
  REFRAIN_DATA_DIR: variable(
    z
      .string()
      .default('.refrain')
      .transform((path) => resolve(path)),
    'folder of artifacts, work files and the embedded database',
  ),
  HOST: variable(z.string().default('127.0.0.1'), 'address the API listens on'),
  PORT: variable(whole(4000, 0, 65_535), 'port the API listens on; 0 takes a free one'),
  PUBLIC_URL: variable(
    z.url().optional(),
    'how clients reach the API, for links in answers; defaults to the address it listens on',
  ),
  API_TOKEN: variable(
    z.string().min(16).optional(),
    'when set, mutations and uploads need `Authorization: Bearer <token>`',
    { isSecret: true },
  ),
  GRAPHIQL: variable(flag(true), 'serve the interactive API page'),
  LOG_LEVEL: variable(z.enum(LOG_LEVELS).default('info'), 'least severe log line written'),
  CHAIN_RPC_URL: variable(
    chainUrl.optional(),
    'EVM chain of the catalog, by its JSON-RPC address; unset starts the embedded chain, `off` works without any',
    { isSecret: true },
  ),
  LOCK_CHAIN_RPC_URL: variable(
    z.url({ protocol: /^https?$/ }).optional(),
    'chain the locks live on, when it is another than that of CHAIN_RPC_URL',
    { isSecret: true },
  ),
  PRIVATE_KEY: variable(
    z
      .string()
      .regex(/^0x[0-9a-fA-F]{64}$/, 'expected 0x and 64 hexadecimal digits')
      .optional(),
    'key of the operator, who signs and pays for every transaction; needed for every chain but the embedded one',
    { isSecret: true },
  ),
  CATALOG_ADDRESS: variable(address, 'the catalog contract; known for the embedded chain'),
  ACCOUNTS_ADDRESS: variable(address, 'the registry of accounts; known for the embedded chain'),
  WALLETS_ADDRESS: variable(address, "the registry of artists' wallets; known for the embedded chain"),
  SPACE_ADDRESS: variable(address, 'the space that records edits of metadata; known for the embedded chain'),
  UNLOCK_ADDRESS: variable(address, "Unlock's factory on the chain of the locks; known for the embedded chain"),
  SUBGRAPH_URL: variable(
    z.url({ protocol: /^https?$/ }).optional(),
    'GraphQL address of the subgraph on a graph-node; unset starts the embedded indexer',
    { isSecret: true },
  ),
  LOCK_SUBGRAPH_URL: variable(
    z.url({ protocol: /^https?$/ }).optional(),
    'the subgraph of the locks, when they live on another chain',
    { isSecret: true },
  ),
  INDEXER_PORT: variable(
    whole(8000, 0, 65_535),
    'port the embedded indexer answers on, always on loopback; 0 takes a free one, and so does unset where it is taken',
  ),
  INDEXER_START_BLOCK: variable(whole(0, 0, Number.MAX_SAFE_INTEGER), 'first block the embedded indexer reads'),
  REFRAIN_SECRET_KEY: variable(
    z
      .string()
      .regex(/^([0-9a-fA-F]{64}|[A-Za-z0-9+/]{43}=)$/, 'expected 32 bytes, hexadecimal or base64')
      .optional(),
    "encrypts artists' wallets and content keys at rest; unset makes one in the data folder",
    { isSecret: true },
  ),
  KEY_GATE_DOMAINS: variable(
    list('').pipe(
      z.array(
        z
          .string()
          .toLowerCase()
          .regex(/^[a-z\d-]+(\.[a-z\d-]+)*(:\d{1,5})?$/, 'expected hosts such as player.example or localhost:5173'),
      ),
    ),
    'hosts of other sites whose players may ask for content keys, such as player.example; that of PUBLIC_URL always may',
  ),
  LOCK_PRICE_ETH: variable(
    z
      .string()
      .regex(/^\d{1,9}(\.\d{1,18})?$/, 'expected an amount such as 0.0006')
      .default('0.0006'),
    "price of a key to an artist's lock, in the currency of its chain",
  ),
  LOCK_DURATION_DAYS: variable(z.coerce.number().positive().max(36_500).default(30), 'how long a key opens'),
  LOCK_MAX_KEYS: variable(whole(1_000_000, 1, Number.MAX_SAFE_INTEGER), 'most keys a lock sells'),
  EMIT_SONG_ENCRYPTED: variable(
    flag(false),
    'emit SongEncrypted beside SegmentEncrypted, for readers that know the older name only',
  ),
  STORE_INTERMEDIATES: variable(
    flag(false),
    'put source and stems into the storage too; with most storages anybody can read them there',
  ),
  CLIP_EMISSION: variable(
    z.enum(['at-once', 'after-encryption']).default('at-once'),
    'when a clip is registered on chain: as soon as it is stored, or only with its encrypted full song',
  ),
  FFMPEG_PATH: variable(
    z.string().optional(),
    'ffmpeg to use; unset takes the system one when it can do everything needed, else the one from npm',
  ),
  FFPROBE_PATH: variable(z.string().optional(), 'ffprobe to use'),
  MEDIA_PATHS: variable(
    list(''),
    'folders, separated by commas, whose files may be submitted by path; empty allows none',
  ),
  MAX_UPLOAD_BYTES: variable(whole(2_000_000_000, 1, Number.MAX_SAFE_INTEGER), 'largest audio file accepted'),
  MAX_SONG_SECONDS: variable(seconds(3_600, 36_000), 'longest song accepted'),
  DOWNLOAD_TIMEOUT_SECONDS: variable(seconds(600, 86_400), 'time limit for fetching a song from a URL'),
  WORKER_QUEUES: variable(
    list(QUEUES.join(',')).pipe(z.array(z.enum(QUEUES)).min(1)),
    'queues this worker serves: light (small work), lookup (waiting for services that are asked slowly), heavy (arithmetic on samples), encode (video)',
  ),
  LIGHT_CONCURRENCY: variable(whole(24, 1, 200), 'light tasks at once in one worker'),
  LOOKUP_CONCURRENCY: variable(whole(8, 1, 200), 'lookups at once in one worker'),
  HEAVY_CONCURRENCY: variable(
    whole(cores, 1, 64),
    'heavy tasks at once in one worker; each takes a core and up to 1 GB',
  ),
  ENCODE_CONCURRENCY: variable(whole(1, 1, 16), 'video encodes at once in one worker; each uses every core'),
  MAX_JOB_RETRIES: variable(whole(3, 1, 100), 'attempts of a task, unless its stage says otherwise'),
  JOB_TIMEOUT_MS: variable(
    whole(900_000, 1_000, 86_400_000),
    'time limit of one attempt, unless its stage says otherwise',
  ),
  RETRY_DELAYS_SECONDS: variable(
    list('10,60,300').pipe(z.array(z.coerce.number<string>().min(0)).min(1)),
    'waits before the second, third, … attempt; the last one repeats',
  ),
  SWEEP_INTERVAL_MS: variable(
    whole(1_000, 50, 60_000),
    'how often a worker looks for dead workers and takes back their tasks',
  ),
  SHUTDOWN_GRACE_MS: variable(
    whole(5_000, 0, 600_000),
    'how long a stopping worker lets running tasks finish before it aborts them',
  ),
  TRANSLATION_LANGUAGES: variable(list('zh,vi,id'), 'languages lyrics are translated into, BCP 47'),
  CLIP_MIN_SECONDS: variable(seconds(40, 100), 'shortest public clip'),
  CLIP_MAX_SECONDS: variable(seconds(100, 100), 'longest public clip'),
  CLIP_INTRO_SECONDS: variable(
    z.coerce.number().min(0).default(15),
    'lyrics that start by then keep the intro in the clip',
  ),
  WEBHOOK_SECRET: variable(
    z.string().min(16).optional(),
    'signs callbacks: `X-Refrain-Signature: sha256=<HMAC-SHA-256 of timestamp.body, in hexadecimal>`',
    { isSecret: true },
  ),
  WEBHOOK_ALLOW_PRIVATE: variable(
    flag(false),
    'call back inside the own network too (loopback and private addresses); not when strangers may submit songs',
  ),
  WEBHOOK_TIMEOUT_SECONDS: variable(seconds(10, 60), 'time limit of one callback, from the name to the answer'),
  WEBHOOK_RETRY_DELAYS_SECONDS: variable(
    list('10,60,600,3600').pipe(z.array(z.coerce.number<string>().min(0)).min(1)),
    'waits after the first, second, … failed attempt of a callback; after the last one it is given up',
  ),
} as const

type Parsed = { readonly [Name in keyof typeof variables]: z.output<(typeof variables)[Name]['schema']> }

/** The whole configuration, parsed once. `environment` is what providers read their own variables from. */
export interface Config extends Parsed {
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * Reads the configuration from environment variables. An empty variable counts as unset.
 *
 * @throws InvalidInput that names every fault at once; values of secrets are not repeated
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const faults: string[] = []
  const parsed: Record<string, unknown> = {}
  for (const [name, { schema, isSecret }] of Object.entries(variables) as [string, Variable<z.ZodType>][]) {
    const result = schema.safeParse(given[name])
    if (result.success) parsed[name] = result.data
    else {
      const came = isSecret ? 'a value that is not shown' : JSON.stringify(given[name])
      faults.push(`${name}: ${result.error.issues.map((issue) => issue.message).join('; ')} (came: ${came})`)
    }
  }
  if (typeof parsed.CLIP_MIN_SECONDS === 'number' && parsed.CLIP_MIN_SECONDS < 40) {
    faults.push(`CLIP_MIN_SECONDS: at least 40, the database refuses shorter clips (came: ${given.CLIP_MIN_SECONDS})`)
  }
  if ((parsed.CLIP_MIN_SECONDS as number) > (parsed.CLIP_MAX_SECONDS as number)) {
    faults.push(
      `CLIP_MAX_SECONDS: at least CLIP_MIN_SECONDS (came: ${given.CLIP_MAX_SECONDS} below ${given.CLIP_MIN_SECONDS})`,
    )
  }
  if (faults.length > 0)
    throw new InvalidInput(
      `the configuration has ${faults.length} fault${faults.length > 1 ? 's' : ''}:\n- ${faults.join('\n- ')}`,
      { details: { faults } },
    )
  return { ...(parsed as Parsed), environment }
}

/** Every variable with its default and meaning, for the README and `.env.example`. */
export function describeConfig(): readonly {
  name: string
  fallback: string
  description: string
  isSecret: boolean
}[] {
  const perMachine: Record<string, string> = { REFRAIN_DATA_DIR: '.refrain', HEAVY_CONCURRENCY: 'number of cores' }
  return (Object.entries(variables) as [string, Variable<z.ZodType>][]).map(
    ([name, { schema, description, isSecret }]) => {
      const parsed = schema.safeParse(undefined)
      const value = parsed.success ? parsed.data : undefined
      return {
        name,
        fallback:
          perMachine[name] ?? (Array.isArray(value) ? value.join(',') : value === undefined ? '' : String(value)),
        description,
        isSecret: isSecret ?? false,
      }
    },
  )
}
