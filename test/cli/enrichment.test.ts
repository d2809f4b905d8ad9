import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApiClient } from '../../cli/client.ts'
import { enrich } from '../../cli/commands/enrich.ts'
import type { Command } from '../../cli/commands/index.ts'
import { resolveSpotify } from '../../cli/commands/resolve-spotify.ts'
import { startTestApi, type TestApi } from '../api/test-api.ts'

let api: TestApi
beforeAll(async () => {
  api = await startTestApi({
    METADATA_SOURCES: 'spotify,iswc',
    METADATA_CONTACT: 'music@example.org',
    SPOTIFY_CLIENT_ID: 'client',
    SPOTIFY_CLIENT_SECRET: 'topsecret',
  })
  for (const id of ['a', 'b', null]) {
    const { row } = await api.addTrack()
    await api.client.pool.query('update tracks set spotify_track_id = $2 where id = $1', [row, id])
    await api.client.pool.query(
      `insert into tasks (pipeline, subject_id, stage, item, status)
       values ('track', $1, 'sources', '', 'completed'), ('track', $1, 'enrich', 'iswc', 'failed')`,
      [row],
    )
  }
})
afterAll(() => api?.close())

async function run(command: Command, positionals: string[], values: Record<string, string> = {}, isJson = false) {
  const lines: string[] = []
  const { signal } = new AbortController()
  const client = createApiClient(api.url)
  const code = await command.run({
    api: client,
    values,
    positionals,
    isJson,
    signal,
    print: (line) => lines.push(line),
  })
  return { code, lines }
}

test('resolve-spotify says how many tracks Spotify is asked about, up to its limit', async () => {
  expect(await run(resolveSpotify, [], { limit: '1' })).toEqual({ code: 0, lines: ['Spotify is asked about 1 track'] })
  expect(await run(resolveSpotify, [], {}, true)).toEqual({ code: 0, lines: ['{"count":1}'] })
  expect(await run(resolveSpotify, [])).toEqual({ code: 0, lines: ['Spotify is asked about 0 tracks'] })
  await expect(run(resolveSpotify, [], { limit: '0' })).rejects.toThrow('--limit')
})

test('enrich asks a named source, and says what is wrong with another name', async () => {
  expect(await run(enrich, ['iswc'], { limit: '2' })).toEqual({ code: 0, lines: ['iswc is asked about 2 tracks'] })
  expect(await run(enrich, ['ISWC'])).toEqual({ code: 0, lines: ['iswc is asked about 1 track'] })
  await expect(run(enrich, ['genius'])).rejects.toMatchObject({ kind: 'BLOCKED' })
  await expect(run(enrich, ['napster'])).rejects.toThrow(/NAPSTER/)
  await expect(run(enrich, [])).rejects.toThrow('a source')
})
