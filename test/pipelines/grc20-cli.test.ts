import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { createApiClient } from '../../cli/client.ts'
import { grc20 } from '../../cli/commands/grc20.ts'
import { SCHEMA } from '../../worker/pipelines/artist/grc20/schema-edit.ts'
import { createWorld, type World } from './grc20-world.ts'

/** The key of account 0 of the development mnemonic, which everybody knows. */
const KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'

let world: World
let folder: string
beforeAll(async () => {
  world = await createWorld()
  folder = await mkdtemp(join(tmpdir(), 'refrain grc20 cli '))
}, 60_000)
afterEach(() => {
  vi.unstubAllEnvs()
})
afterAll(async () => {
  await world.close()
  await rm(folder, { recursive: true, force: true })
})

/** Runs the command in an environment where nothing else is configured. */
async function run(words: readonly string[], environment: Record<string, string>, isJson = false): Promise<string[]> {
  for (const name of [
    'DATABASE_URL',
    'NEON_DATABASE_URL',
    'CHAIN_RPC_URL',
    'PRIVATE_KEY',
    'SPACE_PROVIDER',
    'SPACE_ID',
  ])
    vi.stubEnv(name, environment[name])
  vi.stubEnv('REFRAIN_DATA_DIR', folder)
  const lines: string[] = []
  const api = createApiClient('http://127.0.0.1:9')
  const { signal } = new AbortController()
  const exitCode = await grc20.run({
    api,
    values: {},
    positionals: words,
    isJson,
    signal,
    print: (line) => lines.push(line),
  })
  expect(exitCode).toBe(0)
  return lines
}
const settings = () => ({ NEON_DATABASE_URL: world.engine.url, CHAIN_RPC_URL: world.test.rpcUrl, PRIVATE_KEY: KEY })

test('without a database and a key the commands refuse to start and name what is missing, every one at once', async () => {
  for (const word of ['setup-space', 'mint', 'update-artist-metadata', 'update-work-metadata']) {
    await expect(run([word], { CHAIN_RPC_URL: world.test.rpcUrl })).rejects.toThrow(
      /needs DATABASE_URL \(or NEON_DATABASE_URL\) and PRIVATE_KEY/,
    )
    await expect(run([word], { ...settings(), PRIVATE_KEY: '' })).rejects.toThrow(/needs PRIVATE_KEY/)
    await expect(run([word], { ...settings(), NEON_DATABASE_URL: '' })).rejects.toThrow(/needs DATABASE_URL/)
    await expect(run([word], { SPACE_PROVIDER: 'geo' })).rejects.toThrow(
      /CHAIN_RPC_URL and DATABASE_URL .* and PRIVATE_KEY/,
    )
  }
  await expect(run(['mint'], { ...settings(), CHAIN_RPC_URL: 'off' })).rejects.toThrow('CHAIN_RPC_URL is off')
  await expect(run(['mint'], { ...settings(), SPACE_PROVIDER: 'geo' })).rejects.toThrow('SPACE_ID')
  await expect(run(['burn'], settings())).rejects.toThrow('expected grc20 setup-space')
  await expect(run([], settings())).rejects.toThrow('expected grc20 setup-space')
  expect(await world.published()).toEqual([])
})

test('the commands set a space up, mint and update, and say the content ids and transactions', async () => {
  const setUp = await run(['setup-space'], { ...settings(), DATABASE_URL: 'postgres://nobody@127.0.0.1:9/stale' })
  expect(setUp[0]).toBe(`setup: Refrain: ${SCHEMA.length} properties, types and relations`)
  expect(await run(['setup-space'], settings())).toEqual(['nothing to publish'])

  const { artistId, trackIds } = await world.addArtist({ name: 'From the\nterminal', tracks: [{ title: 'Song' }] })
  const minted = await run(['mint'], settings())
  const [, artists, works] = await world.published()
  expect(minted.filter((line) => line.includes('CID'))).toEqual([
    `  CID          ${artists}`,
    `  CID          ${works}`,
  ])
  expect(minted.filter((line) => /transaction {2}0x[0-9a-f]{64} \(chain 31337, block \d+\)/.test(line))).toHaveLength(2)

  await world.engine.query(`update grc20_artists set isni = '1' where artist_id = $1`, [artistId])
  await world.engine.query(`update grc20_works set iswc = 'T-1' where track_id = $1`, [trackIds[0]])
  const updated = JSON.parse((await run(['update-artist-metadata'], settings(), true))[0])
  expect(updated).toMatchObject([
    { kind: 'update', entityIds: [world.artistEntity(artistId)], txHash: expect.stringMatching(/^0x/) },
  ])
  expect(await world.artistRow(artistId)).toMatchObject({ needs_update: false, cid: updated[0].cid })
  expect((await run(['update-work-metadata'], settings()))[0]).toBe('update: Update of 1 work')
  expect(await run(['update-work-metadata'], settings())).toEqual(['nothing to publish'])
  expect(await world.engine.query('select from chain_transactions')).toHaveLength(5)
})
