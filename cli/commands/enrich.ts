import { asError } from '../client.ts'
import { count, numberOption, requirePositional } from './arguments.ts'
import type { Command } from './index.ts'

export const enrich: Command = {
  name: 'enrich',
  usage: 'enrich SOURCE [--limit N]',
  words: 1,
  summary: 'asks a source of metadata (spotify, iswc, …) about tracks of which it has told nothing yet',
  options: { limit: { type: 'string' } },
  async run(invocation) {
    const { api, isJson, print } = invocation
    const source = requirePositional(invocation, 0, 'a source: refrain enrich iswc').toLowerCase()
    const { enrichTracks } = await api.request<{ enrichTracks: { count?: number; message?: string; code?: string } }>(
      `mutation ($source: MetadataSource!, $limit: Int!) {
        enrichTracks(source: $source, limit: $limit) { ... on MetadataRequest { count } ... on Error { message code } }
      }`,
      { source: source.toUpperCase(), limit: numberOption(invocation, 'limit', 25, 1_000) },
    )
    if (enrichTracks.message) throw asError(enrichTracks)
    print(isJson ? JSON.stringify(enrichTracks) : `${source} is asked about ${count(enrichTracks.count ?? 0, 'track')}`)
    return 0
  },
}
