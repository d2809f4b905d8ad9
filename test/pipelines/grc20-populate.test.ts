import { afterAll, beforeAll, expect, test } from 'vitest'
import { inTransaction } from '../../worker/db/client.ts'
import { populate } from '../../worker/pipelines/artist/grc20/populate.ts'
import { createWorld, type World } from './grc20-world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
}, 60_000)
afterAll(async () => {
  await world.close()
})

const fill = (artistId: number) =>
  inTransaction(world.engine.client, (_connection, transaction) => populate(transaction, artistId))

const wikidata = {
  work: {
    itemId: 'Q7',
    labels: { en: 'Song' },
    alternateNames: 'Lied; Chanson',
    iswc: 'T-034.524.680-1',
    musicbrainzWorkId: '0b1c2d3e-0000-4000-8000-000000000001',
    geniusSongId: '9',
    viaf: 'w1',
    bnf: 'w2',
    gnd: 'w3',
    loc: 'w4',
  },
  artists: [
    { itemId: 'Q1', labels: { en: 'Somebody else' }, spotifyArtistId: 'other', viaf: 'wrong' },
    {
      itemId: 'Q5',
      labels: { en: 'The Artist' },
      spotifyArtistId: 'spotify1',
      viaf: 'a1',
      bnf: 'a2',
      gnd: 'a3',
      loc: 'a4',
    },
  ],
}

test('rows are filled from what every source says of the artist and of the track', async () => {
  const { artistId, trackIds } = await world.addArtist({
    name: 'The Artist',
    spotifyArtistId: 'spotify1',
    aliases: ['Artist, The', 'TA'],
    columns: { genius_artist_id: '77', isni: '0000000121359855' },
    metadata: { spotify: { id: 'spotify1', name: 'The Artist', imageUrl: 'https://i.scdn.co/image/a' } },
    tracks: [
      {
        title: 'Song',
        releaseDate: '2009',
        metadata: {
          wikidata,
          genius: {
            url: 'https://genius.com/song',
            releaseDate: '2009-03-23',
            artists: [
              { id: 76, name: 'The Artist', url: 'https://genius.com/artists/Namesake' },
              { id: 77, name: 'The Artist', url: 'https://genius.com/artists/The-artist' },
            ],
          },
          quansic: { artists: [{ name: 'The Artist', musicbrainzArtistId: 'b1a2c3d4-0000-4000-8000-000000000002' }] },
          spotify: { imageUrl: 'https://i.scdn.co/image/album', releaseDate: '2009-03-24' },
        },
      },
    ],
  })
  expect(await fill(artistId)).toBe(true)
  expect(await world.artistRow(artistId)).toMatchObject({
    name: 'The Artist',
    alternate_names: 'Artist, The; TA',
    lens_handle: expect.stringMatching(/-ks1$/),
    lens_account: expect.stringMatching(/^0x/),
    isni: '0000000121359855',
    viaf: 'a1',
    bnf: 'a2',
    gnd: 'a3',
    loc: 'a4',
    spotify_url: 'https://open.spotify.com/artist/spotify1',
    genius_url: 'https://genius.com/artists/The-artist',
    wikidata_url: 'https://www.wikidata.org/wiki/Q5',
    musicbrainz_url: 'https://musicbrainz.org/artist/b1a2c3d4-0000-4000-8000-000000000002',
    image_url: 'https://i.scdn.co/image/a',
    wikipedia_url: null,
  })
  expect(await world.workRow(trackIds[0])).toMatchObject({
    title: 'Song',
    alternate_titles: 'Lied; Chanson',
    artist_id: artistId,
    iswc: 'T-034.524.680-1',
    // Two sources know the day; the one that is asked of works first says which.
    release_date: '2009-03-24',
    language: 'en',
    viaf: 'w1',
    bnf: 'w2',
    gnd: 'w3',
    loc: 'w4',
    genius_url: 'https://genius.com/song',
    wikidata_url: 'https://www.wikidata.org/wiki/Q7',
    musicbrainz_url: 'https://musicbrainz.org/work/0b1c2d3e-0000-4000-8000-000000000001',
    image_url: 'https://i.scdn.co/image/album',
  })
})

test('populating twice is the same as once', async () => {
  const { artistId, trackIds } = await world.addArtist({
    name: 'Twice',
    tracks: [{ title: 'Once', metadata: { wikidata } }],
  })
  await fill(artistId)
  const before = [await world.artistRow(artistId), await world.workRow(trackIds[0])]
  await fill(artistId)
  expect([await world.artistRow(artistId), await world.workRow(trackIds[0])]).toEqual(before)
  await Promise.all([fill(artistId), fill(artistId), fill(artistId)])
  expect([await world.artistRow(artistId), await world.workRow(trackIds[0])]).toEqual(before)
})

test('what was changed by hand stays; what was filled in follows what is known, also when it is no longer known', async () => {
  const { artistId } = await world.addArtist({ name: 'By hand', columns: { isni: '1', wikidata_id: 'Q1' } })
  await fill(artistId)
  await world.engine.query(
    `update grc20_artists set wikidata_url = 'https://www.wikidata.org/wiki/Q2', website_url = 'https://a.example/' where artist_id = $1`,
    [artistId],
  )
  await world.engine.query(
    `update artists set isni = null, wikidata_id = 'Q3', musicbrainz_artist_id = 'm-1' where id = $1`,
    [artistId],
  )
  await fill(artistId)
  expect(await world.artistRow(artistId)).toMatchObject({
    isni: null,
    wikidata_url: 'https://www.wikidata.org/wiki/Q2',
    website_url: 'https://a.example/',
    musicbrainz_url: 'https://musicbrainz.org/artist/m-1',
  })
})

test('nonsense from a source is not taken, and hostile names are only names', async () => {
  const name = "Robert'); drop table grc20_artists;--\u202E"
  const { artistId, trackIds } = await world.addArtist({
    name,
    aliases: ['', ' ', 'Ok', 'ok', '\u0007'],
    metadata: {
      wikidata: { itemId: 'Q1/../../evil', viaf: 12, gnd: { no: 1 }, aliases: 'no list' },
      genius: { url: 'javascript:alert(1)' },
    },
    tracks: [
      {
        title: ' \u0007Ü\u0000-free '.replace('\u0000', ''),
        metadata: {
          iswc: { iswc: 'T-034.524.680-2', workId: '../x' },
          wikidata: { work: 'none', artists: [null, 3, {}] },
          spotify: { imageUrl: 'file:///etc/passwd', releaseDate: '2020-13-40' },
          musicbrainz: { works: [] },
        },
      },
    ],
  })
  await fill(artistId)
  expect(await world.artistRow(artistId)).toMatchObject({
    name,
    alternate_names: 'Ok',
    viaf: null,
    gnd: null,
    genius_url: null,
    wikidata_url: null,
  })
  expect(await world.workRow(trackIds[0])).toMatchObject({
    title: 'Ü-free',
    iswc: null,
    release_date: null,
    image_url: null,
    musicbrainz_url: null,
    wikidata_url: null,
  })
})

test('a list of ten thousand aliases is one text', async () => {
  const aliases = Array.from({ length: 10_000 }, (_, index) => `Alias ${index} ${'ß'.repeat(index % 30)}`.trim())
  const { artistId } = await world.addArtist({ name: 'Many', aliases })
  await fill(artistId)
  expect(String((await world.artistRow(artistId)).alternate_names).split('; ')).toEqual(aliases)
})

test('an artist without an account gets no row', async () => {
  const [{ id }] = await world.engine.query<{ id: number }>(
    `insert into artists (name) values ('No account') returning id`,
  )
  expect(await fill(id)).toBe(false)
  expect(await world.engine.query('select from grc20_artists where artist_id = $1', [id])).toEqual([])
})
