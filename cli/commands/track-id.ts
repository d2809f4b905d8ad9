import { NotFound } from '../../worker/errors.ts'
import type { ApiClient } from '../client.ts'

const PAGE = 100

/**
 * A track's global id, from what people have at hand: `Track:12`, plainly `12`, or its Spotify id.
 *
 * @throws NotFound when no track has that Spotify id
 */
export async function trackIdOf(api: ApiClient, text: string): Promise<string> {
  if (/^\d{1,15}$/.test(text)) return `Track:${text}`
  return /^[0-9A-Za-z]{22}$/.test(text) ? await findSpotifyTrack(api, text) : text
}

async function findSpotifyTrack(api: ApiClient, spotifyId: string): Promise<string> {
  interface Page {
    readonly tracks: {
      readonly edges: readonly { readonly node: { readonly id: string; readonly spotifyTrackId: string | null } }[]
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
    }
  }
  for (let after: string | null = null; ; ) {
    const { tracks }: Page = await api.request<Page>(
      `query ($first: Int!, $after: String) {
        tracks(first: $first, after: $after) { edges { node { id spotifyTrackId } } pageInfo { hasNextPage endCursor } }
      }`,
      { first: PAGE, after },
    )
    const found = tracks.edges.find(({ node }) => node.spotifyTrackId === spotifyId)
    if (found) return found.node.id
    if (!tracks.pageInfo.hasNextPage) throw new NotFound(`there is no track with the Spotify id ${spotifyId}`)
    after = tracks.pageInfo.endCursor
  }
}
