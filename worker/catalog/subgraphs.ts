import { createHttp } from '../net/http.ts'
import { openSubgraph, type Subgraph } from './client.ts'
import type { FollowedSubgraph } from './follow.ts'

interface SubgraphConfig {
  readonly SUBGRAPH_URL?: string | undefined
  readonly LOCK_SUBGRAPH_URL?: string | undefined
}

/** Where the two parts of the catalog are read; null when no subgraph is configured. */
export function openSubgraphs({ SUBGRAPH_URL, LOCK_SUBGRAPH_URL }: SubgraphConfig): {
  readonly clips: Subgraph
  readonly locks: Subgraph
} | null {
  if (!SUBGRAPH_URL) return null
  const http = createHttp()
  const clips = openSubgraph(SUBGRAPH_URL, http)
  return { clips, locks: LOCK_SUBGRAPH_URL ? openSubgraph(LOCK_SUBGRAPH_URL, http) : clips }
}

/** The subgraphs to follow: one for both parts of the catalog, or one for each. */
export function followedSubgraphs(config: SubgraphConfig): readonly FollowedSubgraph[] {
  const subgraphs = openSubgraphs(config)
  if (!subgraphs) return []
  const { clips, locks } = subgraphs
  if (clips === locks) return [{ name: 'clips', parts: ['clips', 'locks'], subgraph: clips }]
  return [
    { name: 'clips', parts: ['clips'], subgraph: clips },
    { name: 'locks', parts: ['locks'], subgraph: locks },
  ]
}
