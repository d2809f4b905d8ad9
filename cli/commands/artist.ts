import { InvalidInput, NotFound } from '../../worker/errors.ts'
import type { ApiClient } from '../client.ts'
import { oneLine } from '../text.ts'
import { count, numberOption, table, textOption } from './arguments.ts'
import type { Command, Invocation } from './index.ts'

interface ArtistNode {
  readonly id: string
  readonly name: string
  readonly stage: string
  readonly wallet: { readonly address: string } | null
  readonly account: { readonly handle: string } | null
  readonly lock: {
    readonly address: string
    readonly chainId: number
    readonly price: string
    readonly currency: string
  } | null
}

export const artists: Command = {
  name: 'artists',
  usage: 'artists [--stage STAGE] [--search TEXT] [--ready lens|unlock] [--limit N]',
  words: 0,
  summary: 'lists artists, newest first, with what they have on chain',
  options: {
    stage: { type: 'string' },
    search: { type: 'string' },
    ready: { type: 'string' },
    limit: { type: 'string' },
  },
  async run(invocation) {
    const { api, isJson, print } = invocation
    const { artists } = await api.request<{ artists: { edges: { node: ArtistNode }[] } }>(
      `query ($first: Int!, $stage: ArtistStage, $search: String, $ready: ArtistReadiness) {
        artists(first: $first, stage: $stage, search: $search, readyFor: $ready) {
          edges { node { id name stage wallet { address } account { handle } lock { address chainId price currency } } }
        }
      }`,
      {
        first: numberOption(invocation, 'limit', 20, 100),
        stage: textOption(invocation, 'stage')?.toUpperCase() ?? null,
        search: textOption(invocation, 'search') ?? null,
        ready: textOption(invocation, 'ready')?.toUpperCase() ?? null,
      },
    )
    const nodes = artists.edges.map((edge) => edge.node)
    if (isJson) print(JSON.stringify(nodes))
    else {
      const rows = nodes.map(({ id, name, stage, wallet, account, lock }) => [
        id,
        stage.toLowerCase(),
        account?.handle ?? '',
        wallet?.address ?? '',
        lock ? `${lock.address} ${lock.price} ${lock.currency} on chain ${lock.chainId}` : '',
        name,
      ])
      for (const row of table(rows)) print(row)
      print(count(nodes.length, 'artist'))
    }
    return 0
  },
}

export const spotifyArtists = stepCommand({
  name: 'spotify-artists',
  mutation: 'runArtistSpotifyEnrichment',
  filter: 'notKnownBy: "spotify"',
  summary: 'has Spotify asked about up to N artists of which it has told nothing yet',
})

export const mintPkps = stepCommand({
  name: 'mint-pkps',
  mutation: 'runArtistMintPkp',
  filter: 'needsTask: MINT_PKP',
  summary: 'asks for the wallets of up to N artists that have none',
})

export const createLensAccounts = stepCommand({
  name: 'create-lens-accounts',
  mutation: 'runArtistCreateLens',
  filter: 'readyFor: LENS',
  summary: 'asks for the accounts of up to N artists that have a wallet and no account',
})

export const deployLocks = stepCommand({
  name: 'deploy-locks',
  mutation: 'runArtistDeployUnlock',
  filter: 'readyFor: UNLOCK',
  summary: 'asks for the locks of up to N artists that have an account and no lock, or for the lock of one',
})

/** A command that asks for one step of many artists, or of one. */
function stepCommand(step: { name: string; mutation: string; filter: string; summary: string }): Command {
  return {
    name: step.name,
    usage: `${step.name} [--type artist] [--artist ARTIST | --limit N]`,
    words: 0,
    summary: step.summary,
    options: { type: { type: 'string' }, artist: { type: 'string' }, limit: { type: 'string' } },
    async run(invocation) {
      const { api, isJson, print, values } = invocation
      if (values.type !== undefined && values.type !== 'artist')
        throw new InvalidInput(`expected --type artist, got ${JSON.stringify(values.type)}`, {
          details: { usage: true },
        })
      const outcomes: Outcome[] = []
      for (const id of await chosenArtists(invocation, step.filter)) outcomes.push(await ask(api, step.mutation, id))
      const failed = outcomes.filter(({ error }) => error !== undefined)
      if (isJson) print(JSON.stringify(outcomes))
      else {
        for (const outcome of outcomes) print(oneLine(`${outcome.artistId}: ${describe(outcome)}`))
        print(`${outcomes.length - failed.length} succeeded, ${failed.length} failed`)
      }
      return failed.length > 0 ? 1 : 0
    },
  }
}

interface Outcome {
  readonly artistId: string
  readonly taskId?: string
  readonly wasAdded?: boolean
  readonly error?: string
}

function describe({ taskId, wasAdded, error }: Outcome): string {
  return error ?? `${taskId} ${wasAdded ? 'goes into the backlog' : 'waits or runs already'}`
}

async function chosenArtists(invocation: Invocation, filter: string): Promise<string[]> {
  const { api } = invocation
  const artist = textOption(invocation, 'artist')
  if (artist) return [await artistIdOf(api, artist)]
  const { artists } = await api.request<{ artists: { edges: { node: { id: string } }[] } }>(
    `query ($first: Int!) { artists(first: $first, ${filter}) { edges { node { id } } } }`,
    { first: numberOption(invocation, 'limit', 20, 100) },
  )
  return artists.edges.map(({ node }) => node.id)
}

/** An artist's global id, from what people have at hand: `Artist:12`, plainly `12`, or its Spotify id. */
async function artistIdOf(api: ApiClient, text: string): Promise<string> {
  if (/^\d{1,15}$/.test(text)) return `Artist:${text}`
  if (!/^[0-9A-Za-z]{22}$/.test(text)) return text
  const { artistBySpotifyId } = await api.request<{ artistBySpotifyId: { readonly id: string } | null }>(
    'query ($spotifyId: String!) { artistBySpotifyId(spotifyId: $spotifyId) { id } }',
    { spotifyId: text },
  )
  if (!artistBySpotifyId) throw new NotFound(`there is no artist with the Spotify id ${text}`)
  return artistBySpotifyId.id
}

async function ask(api: ApiClient, mutation: string, artistId: string): Promise<Outcome> {
  const { [mutation]: answer } = await api.request<
    Record<string, { task?: { id: string }; wasAdded?: boolean; message?: string }>
  >(
    `mutation ($id: ID!) { ${mutation}(artistId: $id) { ... on StageRequest { task { id } wasAdded } ... on Error { message } } }`,
    { id: artistId },
  )
  if (answer.message) return { artistId, error: answer.message }
  return { artistId, taskId: answer.task?.id ?? '', wasAdded: answer.wasAdded ?? true }
}
