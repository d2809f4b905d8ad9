import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApi, type TestApi } from './test-api.ts'

let api: TestApi
beforeAll(async () => {
  api = await startTestApi({
    METADATA_SOURCES: 'spotify,genius',
    SPOTIFY_CLIENT_ID: 'client',
    SPOTIFY_CLIENT_SECRET: 'topsecret',
    GENIUS_API_TOKEN: 'token',
  })
})
afterAll(() => api?.close())

const addTask = (row: number, stage: string, item: string, status: string, minutesAgo: number) =>
  api.client.pool.query(
    `insert into tasks (pipeline, subject_id, stage, item, status, settled_at)
     values ('track', $1, $2, $3, $4, now() - $5 * interval '1 minute')`,
    [row, stage, item, status, minutesAgo],
  )
const pending = async () => {
  const { rows } = await api.client.pool.query<{ task: string }>(
    `select subject_id || ' ' || stage || ' ' || item as task from tasks
     where stage in ('sources', 'enrich') and status = 'pending' order by 1`,
  )
  return rows.map(({ task }) => task)
}

test('what sources know of tracks is listed, one statement for all tracks', async () => {
  const [known, unknown] = [await api.addTrack('Known'), await api.addTrack('Unknown')]
  await api.client.pool.query(
    `insert into track_metadata (track_id, source, data) values ($1, 'spotify', '{"album": "A"}'), ($1, 'genius', '{"songId": 7}')`,
    [known.row],
  )
  const { data, errors } = await api.request(
    '{ tracks { edges { node { id enrichment { source data updatedAt } } } } }',
  )
  expect(errors).toBeUndefined()
  expect(data.tracks.edges.map((edge: { node: object }) => edge.node)).toEqual([
    { id: unknown.id, enrichment: [] },
    {
      id: known.id,
      enrichment: [
        { source: 'genius', data: { songId: 7 }, updatedAt: expect.stringMatching(/^\d{4}-.*Z$/) },
        { source: 'spotify', data: { album: 'A' }, updatedAt: expect.any(String) },
      ],
    },
  ])
})

test('sources are asked about tracks they have told nothing of, the longest unasked first', async () => {
  const rows: number[] = []
  for (const title of ['failed', 'older than the source', 'running', 'canceled', 'no id'])
    rows.push((await api.addTrack(title)).row)
  const [failed, old, running, canceled, without] = rows
  await api.client.pool.query("update tracks set spotify_track_id = 'id ' || id where id = any ($1)", [
    rows.slice(0, 4),
  ])
  for (const row of [failed, running, canceled]) await addTask(row, 'sources', '', 'completed', 9)
  await addTask(failed, 'enrich', 'spotify', 'failed', 5)
  await addTask(old, 'sources', '', 'skipped', 7)
  await addTask(running, 'enrich', 'spotify', 'running', 0)
  await addTask(canceled, 'enrich', 'spotify', 'canceled', 8)
  await addTask(without, 'sources', '', 'skipped', 6)

  const resolve = async (limit: number) =>
    (
      await api.request(
        'mutation ($limit: Int!) { resolveSpotify(limit: $limit) { __typename ... on MetadataRequest { count } ... on InvalidInputError { field } } }',
        { limit },
      )
    ).data.resolveSpotify
  expect(await resolve(1)).toEqual({ __typename: 'MetadataRequest', count: 1 })
  expect(await pending()).toEqual([`${old} sources `])
  expect(await resolve(1_000)).toEqual({ __typename: 'MetadataRequest', count: 1 })
  expect(await pending()).toEqual([`${failed} enrich spotify`, `${old} sources `])
  expect(await resolve(1_000)).toEqual({ __typename: 'MetadataRequest', count: 0 })
  expect(await resolve(0)).toEqual({ __typename: 'InvalidInputError', field: 'limit' })
  expect(await resolve(1_001)).toEqual({ __typename: 'InvalidInputError', field: 'limit' })

  const ask = async (source: string) =>
    (
      await api.request(
        'mutation ($source: MetadataSource!) { enrichTracks(source: $source, limit: 9) { ... on MetadataRequest { count } ... on Error { code message } } }',
        { source },
      )
    ).data?.enrichTracks
  expect(await ask('SPOTIFY')).toEqual({ count: 1 })
  expect(await pending()).toContain(`${without} sources `)
  expect(await ask('WIKIDATA')).toEqual({ code: 'BLOCKED', message: expect.stringContaining('METADATA_SOURCES') })
  expect(await ask('NAPSTER')).toBeUndefined()
})
