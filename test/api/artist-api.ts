import { artist } from '../../worker/pipelines/artist/index.ts'
import { startTestApi, type TestApi, testPipelines } from './test-api.ts'

export const SPOTIFY_ID = '6vWDO969PvNqNYHIOW5v0m'

export interface AddedArtist {
  /** Global id. */
  readonly id: string
  readonly row: number
  readonly trackId: string
}

/** An API that knows artists, and the ways of tests to bring them where they should be. */
export async function startArtistApi() {
  const api: TestApi = await startTestApi({}, { pipelines: [...testPipelines, artist] })
  const { pool } = api.client
  const call = (fn: string, ...args: unknown[]) =>
    pool.query(`select ${fn}(${args.map((_arg, at) => `$${at + 1}`).join(', ')})`, args)
  return {
    ...api,
    /** Calls a function of the database. */
    call,
    /** Adds a track by an artist of that name. */
    async addArtist(name: string, spotifyId?: string): Promise<AddedArtist> {
      const { data } = await api.request(
        `mutation ($name: String!) { addTrack(input: { title: "Song", artists: [$name], source: { url: "https://example.org/a.mp3" } }) { ... on Track { id } } }`,
        { name },
      )
      const trackId: string = data.addTrack.id
      if (spotifyId)
        await pool.query('update tracks set primary_artist_id = $2 where id = $1', [trackId.slice(6), spotifyId])
      const answer = await api.request('query ($id: ID!) { track(id: $id) { artist { id } } }', { id: trackId })
      const id: string = answer.data.track.artist.id
      return { id, row: Number(id.slice(7)), trackId }
    },
    async skipEnrichment(row: number): Promise<void> {
      for (const source of ['spotify', 'quansic', 'wikidata', 'genius'])
        await call('skip_artist_task', row, `${source}_enrichment`, 'not asked')
    },
    /** Writes down a wallet and an account, and a lock if wanted; `digit` makes their addresses. */
    async giveIdentity(row: number, digit: string, hasLock: boolean): Promise<void> {
      await pool.query(
        `insert into pkp_accounts (artist_id, address, token_id, public_key, network, provider)
         values ($1, $2, '42', '0x04ab', 'eip155:31337', 'embedded')`,
        [row, addressOf(digit)],
      )
      await pool.query(
        `insert into lens_accounts (artist_id, handle, account_address, owner, namespace, provider, metadata_uri, taken_handles)
         values ($1, $2, $3, $3, 'here', 'embedded', 'ipfs://x', '["taken-ks1"]')`,
        [row, `artist-${digit}-ks1`, addressOf(digit)],
      )
      if (!hasLock) return
      await pool.query(
        `update lens_accounts set lock_address = $2, lock_chain_id = 31337, lock_price_wei = 600000000000000,
           lock_currency = 'ETH', lock_duration_seconds = 2592000, lock_max_keys = 1000000, lock_tx_hash = '0xab' where artist_id = $1`,
        [row, addressOf(digit)],
      )
    },
  }
}

export const addressOf = (digit: string) => `0x${digit.repeat(40)}`
