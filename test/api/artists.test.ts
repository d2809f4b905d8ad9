import { afterAll, beforeAll, expect, test } from 'vitest'
import { addressOf, SPOTIFY_ID, startArtistApi } from './artist-api.ts'
import { subscribe } from './sse.ts'

let api: Awaited<ReturnType<typeof startArtistApi>>
beforeAll(async () => {
  api = await startArtistApi()
})
afterAll(() => api?.close())

test('an artist shows what it has on chain, its tasks with their results, its tracks and how far it has come', async () => {
  const { id, row, trackId } = await api.addArtist('Beyoncé', SPOTIFY_ID)
  const second = await api.addArtist('beyonce')
  expect(second.id).toBe(id)
  await api.skipEnrichment(row)
  await api.giveIdentity(row, '1', true)
  for (const [type, output] of [
    ['mint_pkp', { address: addressOf('1') }],
    ['create_lens', { handle: 'artist-1-ks1' }],
    ['populate_grc20', { entityId: 'e' }],
  ] as const)
    await api.call('complete_artist_task', row, type, JSON.stringify(output))
  const { data, errors } = await api.request(
    `query ($id: ID!) {
      node(id: $id) { ... on Artist { name } }
      artistBySpotifyId(spotifyId: "${SPOTIFY_ID}") { id }
      artist(id: $id) {
        stage progress name spotifyArtistId aliases genres imageUrl mergedInto { id } enrichment { source }
        wallet { address tokenId network provider owner }
        account { handle address takenHandles metadataUri }
        lock { address chainId price priceWei currency durationSeconds maxKeys txHash deployedAt }
        tasks { type status output reason artist { id } track { id } }
        waiting { stage status reason }
        tracks(first: 5) { edges { node { id artist { id } } } }
      }
    }`,
    { id },
  )
  expect(errors).toBeUndefined()
  expect(data.node.name).toBe('Beyoncé')
  expect(data.artistBySpotifyId.id).toBe(id)
  expect(data.artist).toMatchObject({
    stage: 'IDENTIFIED',
    spotifyArtistId: SPOTIFY_ID,
    mergedInto: null,
    enrichment: [],
    wallet: { address: addressOf('1'), tokenId: '42', network: 'eip155:31337', provider: 'embedded', owner: null },
    account: { handle: 'artist-1-ks1', takenHandles: ['taken-ks1'] },
    lock: {
      address: addressOf('1'),
      chainId: 31337,
      price: '0.0006',
      priceWei: '600000000000000',
      currency: 'ETH',
      durationSeconds: 2_592_000,
      maxKeys: 1_000_000,
      txHash: '0xab',
      deployedAt: null,
    },
    waiting: [
      { stage: 'MINT_GRC20', status: 'pending', reason: 'no worker serves the light queue' },
      { stage: 'DEPLOY_UNLOCK', status: 'not_ready', reason: 'waits for mint_grc20 (pending)' },
    ],
    tracks: { edges: [{ node: { id: second.trackId } }, { node: { id: trackId, artist: { id } } }] },
  })
  expect(data.artist.progress).toBeCloseTo(3 / 5)
  const byType = Object.fromEntries(data.artist.tasks.map((task: { type: string }) => [task.type, task]))
  expect(byType.MINT_PKP).toMatchObject({
    status: 'COMPLETED',
    output: { address: addressOf('1') },
    artist: { id },
    track: null,
  })
  expect(byType.SPOTIFY_ENRICHMENT).toMatchObject({ status: 'SKIPPED', reason: 'not asked' })
})

test('artists are found by stage, name, readiness and the task they need', async () => {
  const waiting = await api.addArtist('Waiting Wanda')
  const walletOnly = await api.addArtist('Wallet Wally')
  const lockless = await api.addArtist('Lockless Lou')
  for (const { row } of [waiting, walletOnly, lockless]) await api.skipEnrichment(row)
  await api.giveIdentity(lockless.row, '3', false)
  await api.client.pool.query(
    "insert into pkp_accounts (artist_id, address, network, provider) values ($1, $2, 'eip155:1', 'embedded')",
    [walletOnly.row, addressOf('2')],
  )
  const find = async (filter: string) => {
    const { data, errors } = await api.request(`{ artists(first: 50, ${filter}) { edges { node { id } } } }`)
    return errors ?? data.artists.edges.map((edge: { node: { id: string } }) => edge.node.id)
  }
  expect(await find('readyFor: LENS')).toEqual([walletOnly.id])
  expect(await find('readyFor: UNLOCK')).toEqual([lockless.id])
  expect(await find('search: "wa"')).toEqual([walletOnly.id, waiting.id])
  expect(await find('search: "100%"')).toEqual([])
  expect(await find('stage: PENDING, search: "wanda"')).toEqual([waiting.id])
  expect(await find('needsTask: MINT_PKP')).toEqual([lockless.id, walletOnly.id, waiting.id])
  expect(await find('needsTask: ALIGN')).toMatchObject([{ extensions: { code: 'INVALID_INPUT' } }])
  const { data } = await api.request(
    `{ artists(first: 1, search: "w") { edges { cursor node { id } } pageInfo { hasNextPage } } }`,
  )
  expect(data.artists).toMatchObject({ edges: [{ node: { id: walletOnly.id } }], pageInfo: { hasNextPage: true } })
  const tasks = await api.request(
    `query ($id: ID!) { tasks(artistId: $id, type: [MINT_PKP]) { edges { node { artist { id } } } } }`,
    {
      id: waiting.id,
    },
  )
  expect(tasks.data.tasks.edges).toEqual([{ node: { artist: { id: waiting.id } } }])
})

test('every step is asked for by its mutation, once however often, and says what it waits for', async () => {
  const { id, row } = await api.addArtist('Asked Often')
  const run = async (mutation: string) => {
    const { data } = await api.request(
      `mutation ($id: ID!) { ${mutation}(artistId: $id) { ... on StageRequest { wasAdded task { id type status } } ... on Error { code message } } }`,
      { id },
    )
    return data[mutation]
  }
  expect(await run('runArtistCreateLens')).toMatchObject({
    code: 'BLOCKED',
    message: expect.stringContaining('create_lens cannot run yet: waits for mint_pkp'),
  })
  await api.skipEnrichment(row)
  await api.call('fail_artist_task', row, 'mint_pkp', 'no gas')
  const asked = await Promise.all(Array.from({ length: 5 }, () => run('runArtistMintPkp')))
  expect(asked.filter(({ wasAdded }) => wasAdded)).toHaveLength(1)
  expect(new Set(asked.map(({ task }) => task.id)).size).toBe(1)
  await api.call('fail_artist_task', row, 'mint_pkp', 'no gas')
  const retried = await api.request(
    'mutation ($id: ID!) { retryTask(taskId: $id) { ... on Task { type status errorMessage artist { id } } ... on Error { code } } }',
    { id: asked[0].task.id },
  )
  expect(retried.data.retryTask).toEqual({ type: 'MINT_PKP', status: 'PENDING', errorMessage: null, artist: { id } })
  expect((await run('runArtistMintPkp')).wasAdded).toBe(false)
  const { data } = await api.request(
    'mutation { runArtistMintPkp(artistId: "Track:1") { ... on Error { code message } } }',
  )
  expect(data.runArtistMintPkp).toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining('Artist:12') })
})

test('a part of an artist is run again with what stands on it', async () => {
  const { id, row } = await api.addArtist('Offline Before')
  await api.skipEnrichment(row)
  for (const type of ['mint_pkp', 'create_lens', 'populate_grc20', 'mint_grc20', 'deploy_unlock'])
    await api.call('skip_artist_task', row, type, 'no chain')
  const rerun = (from: string) =>
    api.request(
      `mutation ($id: ID!, $from: TaskType!) { rerunArtist(artistId: $id, from: $from) {
        ... on RerunArtist { undone artist { stage tasks(status: [PENDING]) { type } } } ... on Error { code } } }`,
      { id, from },
    )
  const { data } = await rerun('MINT_PKP')
  expect(data.rerunArtist.undone.toSorted()).toEqual([
    'CREATE_LENS',
    'DEPLOY_UNLOCK',
    'MINT_GRC20',
    'MINT_PKP',
    'POPULATE_GRC20',
  ])
  expect(data.rerunArtist.artist).toEqual({ stage: 'PENDING', tasks: [{ type: 'MINT_PKP' }] })
  expect((await rerun('ALIGN')).data.rerunArtist.code).toBe('INVALID_INPUT')
})

test("an artist's progress is told live, from its present state", async () => {
  const { id, row } = await api.addArtist('Live Lena')
  const live = await subscribe(
    api.url,
    `subscription ($id: ID!) { artistProgress(artistId: $id) { seq isPresentState type status milestone artist { name stage } task { type } } }`,
    { id },
  )
  try {
    const first = (await live.next()).data.artistProgress
    expect(first).toMatchObject({ isPresentState: true, artist: { name: 'Live Lena', stage: 'PENDING' } })
    await api.call('skip_artist_task', row, 'spotify_enrichment', 'not asked')
    expect((await live.next()).data.artistProgress).toEqual({
      seq: first.seq + 1,
      isPresentState: false,
      type: 'SPOTIFY_ENRICHMENT',
      status: 'skipped',
      milestone: null,
      artist: { name: 'Live Lena', stage: 'PENDING' },
      task: { type: 'SPOTIFY_ENRICHMENT' },
    })
  } finally {
    live.close()
  }
})

test('no field of the schema gives a key away', async () => {
  const { data } = await api.request('{ __schema { types { name fields { name } } } }')
  const fields = data.__schema.types
    .filter(({ name }: { name: string }) => name.startsWith('Artist'))
    .flatMap(({ fields }: { fields: { name: string }[] | null }) => fields?.map(({ name }) => name) ?? [])
  expect(fields).toContain('tokenId')
  expect(fields.filter((name: string) => /private|secret|key$/i.test(name))).toEqual([])
})

test('a submission answers with its artist, and a track without names has none', async () => {
  const submitted = await api.request(
    `mutation { addTrack(input: { title: "Song", artists: ["At Once"], source: { url: "https://example.org/a.mp3" } }) { ... on Track { artist { name } } } }`,
  )
  expect(submitted.data.addTrack.artist).toEqual({ name: 'At Once' })
  const { rows } = await api.client.pool.query(
    "insert into tracks (title, source_type) values ('a', 'upload') returning id",
  )
  const { data } = await api.request('query ($id: ID!) { track(id: $id) { artist { id } } }', {
    id: `Track:${rows[0].id}`,
  })
  expect(data.track.artist).toBeNull()
})
