import { asError } from '../client.ts'
import { count, numberOption } from './arguments.ts'
import type { Command } from './index.ts'

export const resolveSpotify: Command = {
  name: 'resolve-spotify',
  usage: 'resolve-spotify [--limit N]',
  words: 0,
  summary: 'asks Spotify about tracks that have a Spotify id and nothing from there yet',
  options: { limit: { type: 'string' } },
  async run(invocation) {
    const { api, isJson, print } = invocation
    const { resolveSpotify } = await api.request<{
      resolveSpotify: { count?: number; message?: string; code?: string }
    }>(
      `mutation ($limit: Int!) {
        resolveSpotify(limit: $limit) { ... on MetadataRequest { count } ... on Error { message code } }
      }`,
      { limit: numberOption(invocation, 'limit', 10, 1_000) },
    )
    if (resolveSpotify.message) throw asError(resolveSpotify)
    print(
      isJson ? JSON.stringify(resolveSpotify) : `Spotify is asked about ${count(resolveSpotify.count ?? 0, 'track')}`,
    )
    return 0
  },
}
