import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { describeConfig, readConfig } from '../worker/config.ts'

test('nothing set gives every default', () => {
  const config = readConfig({})
  expect(config).toMatchObject({
    PORT: 4000,
    HOST: '127.0.0.1',
    LOG_LEVEL: 'info',
    MAX_JOB_RETRIES: 3,
    JOB_TIMEOUT_MS: 900_000,
    WORKER_QUEUES: ['light', 'lookup', 'heavy', 'encode'],
    RETRY_DELAYS_SECONDS: [10, 60, 300],
    TRANSLATION_LANGUAGES: ['zh', 'vi', 'id'],
    GRAPHIQL: true,
    REFRAIN_DATA_DIR: resolve('.refrain'),
  })
  expect(config.DATABASE_URL).toBeUndefined()
})

test('an empty variable counts as unset', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: '', LOG_LEVEL: '', API_TOKEN: '' })).toMatchObject({
    PORT: 4000,
    LOG_LEVEL: 'info',
  })
  expect(readConfig({ PORT: '  ' }).PORT).toBe(4000)
})

test('every fault is named at once, with what came', () => {
  const read = () =>
    readConfig({
      PORT: '70000',
      LOG_LEVEL: 'loud',
      WORKER_QUEUES: 'light,quick',
      JOB_TIMEOUT_MS: 'soon',
      RETRY_DELAYS_SECONDS: '1,-2',
      GRAPHIQL: 'yes',
    })
  for (const fault of [
    /the configuration has 6 faults:/,
    /- PORT: .*65535.*\(came: "70000"\)/,
    /- LOG_LEVEL: .*debug.*\(came: "loud"\)/,
    /- WORKER_QUEUES: .*encode.*\(came: "light,quick"\)/,
    /- JOB_TIMEOUT_MS: .*number.*\(came: "soon"\)/,
    /- RETRY_DELAYS_SECONDS: .*0.*\(came: "1,-2"\)/,
    /- GRAPHIQL: .*true.*\(came: "yes"\)/,
  ])
    expect(read).toThrow(fault)
})

test('the value of a secret is not repeated', () => {
  const secret = 'mysql://me:hunter2@example.org/x'
  const read = () => readConfig({ DATABASE_URL: secret, API_TOKEN: 'short', WEBHOOK_SECRET: 'tiny' })
  expect(read).toThrow(/DATABASE_URL: .*a value that is not shown/)
  expect(read).not.toThrow(/hunter2|short\b|tiny/)
})

test('bounds are held on both sides', () => {
  for (const [name, low, high] of [
    ['PORT', '-1', '65536'],
    ['LIGHT_CONCURRENCY', '0', '201'],
    ['MAX_JOB_RETRIES', '0', '101'],
    ['SWEEP_INTERVAL_MS', '49', '60001'],
    ['CLIP_MIN_SECONDS', '39', '101'],
  ])
    for (const value of [low, high]) expect(() => readConfig({ [name]: value }), `${name}=${value}`).toThrow(name)
  expect(readConfig({ PORT: '0', LIGHT_CONCURRENCY: '200' })).toMatchObject({ PORT: 0, LIGHT_CONCURRENCY: 200 })
  expect(() => readConfig({ PORT: '80.5' })).toThrow('PORT')
})

test('the key gate’s domains are hosts, in small letters; an address is refused with what is expected', () => {
  expect(readConfig({}).KEY_GATE_DOMAINS).toEqual([])
  expect(readConfig({ KEY_GATE_DOMAINS: 'Player.Example, localhost:5173' }).KEY_GATE_DOMAINS).toEqual([
    'player.example',
    'localhost:5173',
  ])
  for (const wrong of ['https://player.example', 'player.example/', '*', '*.example', 'a b'])
    expect(() => readConfig({ KEY_GATE_DOMAINS: wrong }), wrong).toThrow(/KEY_GATE_DOMAINS: expected hosts such as/)
})

test('the shortest clip may not be longer than the longest', () => {
  expect(() => readConfig({ CLIP_MIN_SECONDS: '80', CLIP_MAX_SECONDS: '60' })).toThrow(
    'CLIP_MAX_SECONDS: at least CLIP_MIN_SECONDS (came: 60 below 80)',
  )
})

test('the description lists every variable the parser knows, with its default', async () => {
  const described = describeConfig()
  const { environment, ...parsed } = readConfig({})
  expect(environment).toEqual({})
  const names = new Set(described.map(({ name }) => name))
  for (const name of Object.keys(parsed)) expect(names, name).toContain(name)
  // Also those that are optional and so absent above: whatever the source declares.
  const source = await readFile(new URL('../worker/config.ts', import.meta.url), 'utf8')
  const declared = [...source.matchAll(/^ {2}([A-Z][A-Z_]+): variable\(/gm)].map(([, name]) => name)
  expect([...names].sort()).toEqual(declared.sort())
  for (const { description } of described) expect(description.length).toBeGreaterThan(10)
  const fallback = Object.fromEntries(described.map((one) => [one.name, one.fallback]))
  expect(fallback).toMatchObject({
    PORT: '4000',
    WORKER_QUEUES: 'light,lookup,heavy,encode',
    DATABASE_URL: '',
    REFRAIN_DATA_DIR: '.refrain',
    HEAVY_CONCURRENCY: 'number of cores',
  })
  expect(
    described
      .filter(({ isSecret }) => isSecret)
      .map(({ name }) => name)
      .sort(),
  ).toEqual([
    'API_TOKEN',
    'CHAIN_RPC_URL',
    'DATABASE_URL',
    'LOCK_CHAIN_RPC_URL',
    'LOCK_SUBGRAPH_URL',
    'PRIVATE_KEY',
    'REFRAIN_SECRET_KEY',
    'SUBGRAPH_URL',
    'WEBHOOK_SECRET',
  ])
})

test('the chain is an address or off, and keys are of the right form; what was given for a secret is not told', () => {
  expect(readConfig({ CHAIN_RPC_URL: 'off' }).CHAIN_RPC_URL).toBe('off')
  expect(readConfig({ CHAIN_RPC_URL: 'https://rpc.example/key' }).CHAIN_RPC_URL).toBe('https://rpc.example/key')
  const read = () =>
    readConfig({
      CHAIN_RPC_URL: 'ftp://x/hush',
      PRIVATE_KEY: '0xhush',
      CATALOG_ADDRESS: '0x12',
      LOCK_PRICE_ETH: 'free',
    })
  for (const fault of [
    /CHAIN_RPC_URL: /,
    /PRIVATE_KEY: expected 0x and 64/,
    /CATALOG_ADDRESS: .*"0x12"/,
    /LOCK_PRICE_ETH: .*0\.0006.*"free"/,
  ])
    expect(read).toThrow(fault)
  expect(read).not.toThrow(/hush/)
})
