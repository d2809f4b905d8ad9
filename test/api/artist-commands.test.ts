import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createApiClient } from '../../cli/client.ts'
import { artists, createLensAccounts, deployLocks, mintPkps, spotifyArtists } from '../../cli/commands/artist.ts'
import type { Command } from '../../cli/commands/index.ts'
import { addressOf, SPOTIFY_ID, startArtistApi } from './artist-api.ts'

let api: Awaited<ReturnType<typeof startArtistApi>>
beforeAll(async () => {
  api = await startArtistApi()
})
afterAll(() => api?.close())

beforeEach(async () => {
  await api.client.pool.query('truncate tracks, artists, subjects, tasks, task_events cascade')
})

async function run(command: Command, values: Record<string, string> = {}, isJson = false) {
  const lines: string[] = []
  const { signal } = new AbortController()
  const client = createApiClient(api.url)
  const code = await command.run({
    api: client,
    values,
    positionals: [],
    isJson,
    signal,
    print: (line) => lines.push(line),
  })
  return { code, lines }
}

test('wallets, accounts and locks are asked for by number or for one artist, by any of its ids', async () => {
  const [one, two] = [await api.addArtist('One'), await api.addArtist('Two', SPOTIFY_ID)]
  for (const { row } of [one, two]) {
    await api.skipEnrichment(row)
    await api.call('fail_artist_task', row, 'mint_pkp', 'no gas')
  }
  const minted = await run(mintPkps, { type: 'artist', limit: '1' })
  expect(minted).toEqual({
    code: 0,
    lines: [expect.stringMatching(new RegExp(`^${two.id}: Task:\\d+ goes into the backlog$`)), '1 succeeded, 0 failed'],
  })
  expect(JSON.parse((await run(mintPkps, { artist: SPOTIFY_ID }, true)).lines[0])).toEqual([
    { artistId: two.id, taskId: expect.stringMatching(/^Task:/), wasAdded: false },
  ])
  await api.giveIdentity(one.row, '5', false)
  expect(await run(deployLocks, { limit: '5' })).toEqual({
    code: 1,
    lines: [
      `${one.id}: deploy_unlock cannot run yet: waits for create_lens (not ready yet), mint_grc20 (not ready yet)`,
      '0 succeeded, 1 failed',
    ],
  })
  expect(await run(createLensAccounts)).toEqual({ code: 0, lines: ['0 succeeded, 0 failed'] })
  await expect(run(mintPkps, { type: 'track' })).rejects.toThrow('expected --type artist')
  await expect(run(deployLocks, { artist: '0'.repeat(22) })).rejects.toThrow('no artist with the Spotify id')
  const { lines } = await run(artists)
  expect(lines).toEqual([
    expect.stringMatching(new RegExp(`^${two.id} +pending +Two$`)),
    expect.stringMatching(new RegExp(`^${one.id} +pending +artist-5-ks1 +${addressOf('5')} +One$`)),
    '2 artists',
  ])
})

test('Spotify is asked about artists of which it has told nothing, also those it was not asked about before', async () => {
  const [known, skipped] = [await api.addArtist('Known'), await api.addArtist('Skipped')]
  await api.client.pool.query("insert into artist_metadata (artist_id, source, data) values ($1, 'spotify', '{}')", [
    known.row,
  ])
  await api.skipEnrichment(skipped.row)
  expect(await run(spotifyArtists, { limit: '10' })).toEqual({
    code: 0,
    lines: [
      expect.stringMatching(new RegExp(`^${skipped.id}: Task:\\d+ goes into the backlog$`)),
      '1 succeeded, 0 failed',
    ],
  })
  expect((await run(spotifyArtists)).lines[0]).toContain('waits or runs already')
})
