import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, startApi } from '../../api/server.ts'
import { definePipeline } from '../../worker/engine/define.ts'
import { createLog } from '../../worker/log.ts'
import { mintAll } from '../../worker/pipelines/artist/grc20/mint-all.ts'
import { mintWork, populateWork, withWork } from '../../worker/pipelines/artist/grc20/work-stages.ts'
import { artistPipeline, createWorld, type World } from './grc20-world.ts'

const track = definePipeline({
  name: 'track',
  description: 'tracks and their works',
  milestones: ['audio_ready'],
  stages: [populateWork, { ...mintWork, milestone: 'audio_ready' }],
  loadSubject: withWork(async (_transaction, id) => ({ id })),
})

let world: World
let api: Api
beforeAll(async () => {
  world = await createWorld([track])
  const { client, config, artifacts } = world.engine
  const log = createLog('silent')
  api = await startApi({ config: { ...config, PORT: 0 }, client, pipelines: [track, artistPipeline], artifacts, log })
}, 60_000)
afterAll(async () => {
  await api.close()
  await world.close()
})

async function ask(query: string, variables: Record<string, unknown> = {}) {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  })
  const answer = (await response.json()) as { data: Record<string, unknown>; errors?: unknown }
  if (answer.errors) throw new Error(JSON.stringify(answer.errors))
  return answer.data
}

const QUERY = `query ($artist: ID!, $track: ID!, $entity: String!) {
  artist(id: $artist) { grc20 { entityId needsUpdate isUnderWay cid txHash values { property value } edit { kind name confirmedAt } } }
  track(id: $track) { grc20 { entityId spaceId values { property value } } }
  grc20Edits(first: 5, entityId: $entity) { edges { node { cid kind txHash chainId entityIds } } }
  grc20Counts { artists mintedArtists changedArtists works mintedWorks changedWorks openEdits refusedEdits }
}`

test('the api shows what is published of an artist and its works, what changed since, and the edits with their hashes', async () => {
  const { artistId, trackIds } = await world.addArtist({
    name: 'Ångström',
    columns: { isni: '0000000121359855' },
    tracks: [{ title: 'Wave', releaseDate: '2020-03-20' }],
  })
  const variables = {
    artist: `Artist:${artistId}`,
    track: `Track:${trackIds[0]}`,
    entity: world.artistEntity(artistId),
  }
  expect(await ask(QUERY, variables)).toMatchObject({ artist: { grc20: null }, track: { grc20: null } })

  const [, mint] = await mintAll(world.services)
  await world.engine.query(`update grc20_artists set isni = '0000000000000001' where artist_id = $1`, [artistId])
  const answer = await ask(QUERY, variables)
  expect(answer).toMatchObject({
    artist: {
      grc20: {
        entityId: world.artistEntity(artistId),
        needsUpdate: true,
        isUnderWay: false,
        cid: mint.cid,
        txHash: mint.txHash,
        edit: { kind: 'MINT', name: '1 artist', confirmedAt: expect.any(String) },
      },
    },
    track: { grc20: { entityId: world.workEntity(trackIds[0]), spaceId: world.spaceId } },
    grc20Edits: {
      edges: [
        { node: { cid: mint.cid, kind: 'MINT', txHash: mint.txHash, chainId: 31337, entityIds: mint.entityIds } },
      ],
    },
    grc20Counts: {
      artists: 1,
      mintedArtists: 1,
      changedArtists: 1,
      works: 1,
      mintedWorks: 1,
      openEdits: 0,
      refusedEdits: 0,
    },
  })
  const { artist, track: shown } = answer as Record<string, { grc20: { values: object[] } }>
  expect(artist.grc20.values).toEqual(
    expect.arrayContaining([
      { property: 'Name', value: 'Ångström' },
      { property: 'ISNI', value: '0000000000000001' },
    ]),
  )
  expect(shown.grc20.values).toContainEqual({ property: 'Release date', value: '2020-03-20' })
})

test('edits come in pages, newest first', async () => {
  const page = async (after: string | null) => {
    const data = await ask(
      `query ($after: String) { grc20Edits(first: 1, after: $after) { pageInfo { endCursor hasNextPage } edges { node { cid } } } }`,
      { after },
    )
    return data.grc20Edits as {
      pageInfo: { endCursor: string; hasNextPage: boolean }
      edges: { node: { cid: string } }[]
    }
  }
  const cids: string[] = []
  for (let after: string | null = null; ; ) {
    const { pageInfo, edges } = await page(after)
    cids.push(...edges.map(({ node }) => node.cid))
    if (!pageInfo.hasNextPage) break
    after = pageInfo.endCursor
  }
  expect(cids).toEqual((await world.published()).toReversed())
})
