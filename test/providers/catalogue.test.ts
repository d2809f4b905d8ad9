import { expect, test } from 'vitest'
import { CatalogueTrack } from '../../worker/providers/catalogue/contract.ts'
import { catalogue } from '../../worker/providers/catalogue/index.ts'
import { chosen } from '../support/provider.ts'
import { startVendor, type Vendor } from '../support/vendor.ts'

const { signal } = new AbortController()
const ID = '4uLU6hMCjMI75M1A2tKUQC'
const artist = { id: '0gxyHStUsqpMadRV0Di1Qt', name: 'Rick Astley', type: 'artist' }
const answer = {
  id: ID,
  name: 'Never Gonna Give You Up',
  duration_ms: 213573,
  explicit: false,
  artists: [artist],
  album: { name: 'Whenever You Need Somebody', release_date: '1987-11-12', images: [] },
  external_ids: { isrc: 'gbarl-93-00135' },
  uri: `spotify:track:${ID}`,
}

async function startSpotify(): Promise<Vendor & { expireTokens(): void }> {
  let generation = 0
  let accepted = ''
  const basic = `Basic ${Buffer.from('client:topsecret').toString('base64')}`
  const vendor = await startVendor({
    'POST /api/token': async (request) => {
      const form = await request.form()
      if (request.headers.authorization !== basic || form.get('grant_type') !== 'client_credentials') {
        return { status: 400, json: { error: 'invalid_client', error_description: 'Invalid client secret' } }
      }
      accepted = `token-${++generation}`
      return { json: { access_token: accepted, token_type: 'Bearer', expires_in: 3600 } }
    },
    'GET /v1/tracks/*': ({ headers }, [id]) => {
      if (headers.authorization !== `Bearer ${accepted}`) {
        return { status: 401, json: { error: { status: 401, message: 'The access token expired' } } }
      }
      if (id === ID) return { json: answer }
      return { status: 404, json: { error: { status: 404, message: 'Non existing id' } } }
    },
  })
  return { ...vendor, expireTokens: () => void (accepted = 'none') }
}

function environment(vendor: Vendor, secret = 'topsecret') {
  return {
    CATALOGUE_PROVIDER: 'spotify',
    SPOTIFY_CLIENT_ID: 'client',
    SPOTIFY_CLIENT_SECRET: secret,
    SPOTIFY_API_URL: `${vendor.url}/v1`,
    SPOTIFY_TOKEN_URL: `${vendor.url}/api/token`,
  }
}

test('embedded: says why it knows nothing, and invents nothing', async () => {
  const embedded = chosen(catalogue, {})
  expect(embedded.unavailableReason).toContain('CATALOGUE_PROVIDER')
  await expect(embedded.track(ID, { signal })).rejects.toMatchObject({ kind: 'BLOCKED' })
})

test('spotify: a track comes in our units, and one token serves many questions', async () => {
  await using vendor = await startSpotify()
  const spotify = chosen(catalogue, environment(vendor))
  expect(spotify.unavailableReason).toBe(null)
  const track = await spotify.track(ID, { signal })
  expect(CatalogueTrack.parse(track)).toEqual({
    spotifyTrackId: ID,
    title: 'Never Gonna Give You Up',
    artists: [{ id: '0gxyHStUsqpMadRV0Di1Qt', name: 'Rick Astley' }],
    album: 'Whenever You Need Somebody',
    releaseDate: '1987-11-12',
    durationMs: 213573,
    isrc: 'GBARL9300135',
  })
  await spotify.track(ID, { signal })
  expect(vendor.requests.map(({ method }) => method)).toEqual(['POST', 'GET', 'GET'])
})

test('spotify: fields that were removed are null', async () => {
  await using vendor = await startSpotify()
  const spotify = chosen(catalogue, environment(vendor))
  const { album: _album, external_ids: _ids, ...bare } = answer
  vendor.inject('GET /v1/tracks/*', { json: bare }, { json: { ...bare, album: { name: '', release_date: '0000' } } })
  for (let i = 0; i < 2; i++) {
    expect(await spotify.track(ID, { signal })).toMatchObject({ album: null, releaseDate: null, isrc: null })
  }
})

test('spotify: an unknown track is null, an impossible id is the caller’s fault', async () => {
  await using vendor = await startSpotify()
  const spotify = chosen(catalogue, environment(vendor))
  expect(await spotify.track('0'.repeat(22), { signal })).toBe(null)
  const sent = vendor.requests.length
  for (const id of ['', 'spotify:track:x', '../../me', 'a'.repeat(23)]) {
    await expect(spotify.track(id, { signal })).rejects.toMatchObject({ kind: 'INVALID_INPUT' })
  }
  expect(vendor.requests).toHaveLength(sent)
})

test('spotify: an expired token is renewed once; a refused one is a rejection', async () => {
  await using vendor = await startSpotify()
  const spotify = chosen(catalogue, environment(vendor))
  await spotify.track(ID, { signal })
  vendor.expireTokens()
  expect(await spotify.track(ID, { signal })).toMatchObject({ spotifyTrackId: ID })
  vendor.inject('GET /v1/tracks/*', { status: 401 }, { status: 401 })
  await expect(spotify.track(ID, { signal })).rejects.toMatchObject({ kind: 'PROVIDER_REJECTED' })
})

test('spotify: a wrong secret is a rejection that does not show it', async () => {
  await using vendor = await startSpotify()
  const error = await chosen(catalogue, environment(vendor, 'wrongsecret'))
    .track(ID, { signal })
    .catch((e: unknown) => e)
  expect(error).toMatchObject({ kind: 'PROVIDER_REJECTED' })
  expect(String(error)).toContain('invalid_client: Invalid client secret')
  expect(String(error)).not.toContain('wrongsecret')
})

test('spotify: limits and failures are waited out, other forms and long pauses are not', async () => {
  await using vendor = await startSpotify()
  const spotify = chosen(catalogue, environment(vendor))
  vendor.inject('GET /v1/tracks/*', { status: 429, headers: { 'retry-after': '0' } }, { status: 502 }, 'truncate')
  expect(await spotify.track(ID, { signal })).toMatchObject({ spotifyTrackId: ID })
  vendor.inject('GET /v1/tracks/*', { json: { ...answer, duration_ms: 'long' } })
  await expect(spotify.track(ID, { signal })).rejects.toThrow('duration_ms')
  vendor.inject('GET /v1/tracks/*', { status: 429, headers: { 'retry-after': '43200' } })
  await expect(spotify.track(ID, { signal })).rejects.toMatchObject({ kind: 'PROVIDER_UNAVAILABLE' })
})
