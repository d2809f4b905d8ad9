import { NotFound } from '../../worker/errors.ts'
import type { ApiClient } from '../client.ts'

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
  const { trackBySpotifyId } = await api.request<{ trackBySpotifyId: { readonly id: string } | null }>(
    'query ($spotifyId: String!) { trackBySpotifyId(spotifyId: $spotifyId) { id } }',
    { spotifyId },
  )
  if (!trackBySpotifyId) throw new NotFound(`there is no track with the Spotify id ${spotifyId}`)
  return trackBySpotifyId.id
}
