import { numberOption, table, textOption } from './arguments.ts'
import type { Command } from './index.ts'

export const tracks: Command = {
  name: 'tracks',
  usage: 'tracks [--stage STAGE] [--search TEXT] [--limit N]',
  words: 0,
  summary: 'lists tracks, newest first, and how many stand at each stage',
  options: { stage: { type: 'string' }, search: { type: 'string' }, limit: { type: 'string' } },
  async run(invocation) {
    const { api, isJson, print } = invocation
    const { tracks, trackCounts } = await api.request<{
      tracks: { edges: { node: { id: string; title: string; stage: string; sourceType: string; createdAt: string } }[] }
      trackCounts: { sourceType: string; stage: string; tracks: number }[]
    }>(
      `query ($first: Int!, $stage: TrackStage, $search: String) {
        tracks(first: $first, stage: $stage, search: $search) { edges { node { id title stage sourceType createdAt } } }
        trackCounts { sourceType stage tracks }
      }`,
      {
        first: numberOption(invocation, 'limit', 20, 100),
        stage: textOption(invocation, 'stage')?.toUpperCase() ?? null,
        search: textOption(invocation, 'search') ?? null,
      },
    )
    const nodes = tracks.edges.map((edge) => edge.node)
    if (isJson) print(JSON.stringify({ tracks: nodes, counts: trackCounts }))
    else {
      for (const row of table(nodes.map((node) => [node.id, node.stage.toLowerCase(), node.createdAt, node.title])))
        print(row)
      print(
        trackCounts
          .map((one) => `${one.tracks} ${one.sourceType.toLowerCase()} at ${one.stage.toLowerCase()}`)
          .join(', ') || 'no tracks',
      )
    }
    return 0
  },
}
