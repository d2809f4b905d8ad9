import { ask, type Indexer } from './indexer.ts'

/** What the queries below speak of: taken from what is indexed. */
interface Samples {
  readonly clip: string
  readonly lock: string
  readonly key: string
  readonly artist: string
  readonly block: number
  readonly hash: string
}

export interface Question {
  readonly query: string
  readonly variables?: Readonly<Record<string, unknown>>
}

/** Not GraphQL, or not of this schema in a way that graph-node lets pass without a word: neither may answer data, and ours says why. */
export const MALFORMED: readonly string[] = [
  '{',
  '',
  '{ clips(first: 1) { id } } }',
  '{ clips }',
  '{ clip(id: "0x00") }',
  '{ _meta }',
]

/** What both have to answer in the same words: filters, order, pages, nesting, history, variables, errors. */
export async function questionsFor(indexer: Indexer): Promise<Question[]> {
  const { data } = await ask(
    indexer,
    `{ clips(first: 1, skip: 7, orderBy: id) { id } keys(first: 1, orderBy: createdAtBlock, orderDirection: desc) { id lock { id artist { id } } } _meta { block { number hash } } }`,
  )
  const { clips, keys, _meta } = data as {
    clips: { id: string }[]
    keys: { id: string; lock: { id: string; artist: { id: string } } }[]
    _meta: { block: { number: number; hash: string } }
  }
  const [{ id: key, lock }] = keys
  const { number: block, hash } = _meta.block
  const samples = { clip: clips[0].id, key, lock: lock.id, artist: lock.artist.id, block, hash }
  const queries = [
    ...ofEntities(samples),
    ...ofFilters(samples),
    ...ofOrder(),
    ...ofHistory(samples),
    ...ofErrors(samples),
  ]
  return [...queries.map((query) => ({ query })), ...withVariables(samples)]
}

const ofEntities = ({ clip, lock, key, artist }: Samples) => [
  `{ clip(id: "${clip}") { id spotifyTrackId segments { id lockAddress lock { id name } } events(first: 3) { id kind } } }`,
  `{ clip(id: "${clip.toUpperCase().replace('0X', '0x')}") { id } }`,
  '{ clip(id: "0x00") { id } }',
  '{ clip(id: "nonsense") { id } }',
  `{ lock(id: "${lock}") { id artist { id handle } keys(orderBy: tokenId) { tokenId owner expiration } events { kind } } }`,
  `{ key(id: "${key}") { id lock { id artist { id locks { id } } } events(orderBy: logIndex) { kind from to expiration } } }`,
  `{ artist(id: "${artist}") { id handle account metadataUri createdAt locks(first: 2, orderBy: createdAtBlock) { id segments(first: 2) { id } } } }`,
  '{ emitters { id isAllowed } }',
  '{ a: clips(first: 2) { id } b: clips(first: 2, skip: 2) { id ...Parts } } fragment Parts on Clip { isRegistered segments { clip { id __typename } } }',
  '{ __typename clips(first: 1) { __typename } }',
  '{ clips(first: 0) { id } }',
]

const ofFilters = ({ clip, lock, artist }: Samples) => [
  `{ clips(where: { id_in: ["${clip}", "0x11"] }) { id } }`,
  `{ clips(where: { id_not_in: ["${clip}"] }, first: 5) { id } }`,
  `{ clips(where: { id_gt: "${clip}" }, first: 3, orderBy: id) { id } }`,
  `{ clips(where: { id_lte: "${clip}" }, first: 100) { id } }`,
  '{ clips(where: { isRegistered: true, isEnabled: false }) { id isEnabled } }',
  '{ clips(where: { isRegistered_not: true }) { id } }',
  '{ clips(where: { isEnabled_in: [true] }, first: 4) { id } }',
  '{ clips(where: { registeredAt: null }) { id } }',
  '{ clips(where: { registeredAt_not: null, endMs_gt: 100000 }) { id endMs } }',
  '{ clips(where: { startMs_lt: 1000, startMs_gte: 0 }) { id startMs } }',
  '{ clips(where: { translationCount_in: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 200] }) { id translationCount } }',
  '{ clips(where: { spotifyTrackId_contains: "hMC" }) { id } }',
  '{ clips(where: { spotifyTrackId_contains_nocase: "hmc" }) { id } }',
  '{ clips(where: { spotifyTrackId_not_contains: "hMC" }) { id } }',
  '{ clips(where: { metadataUri_starts_with: "ipfs" }) { id } }',
  '{ clips(where: { metadataUri_not_ends_with_nocase: "JSON" }) { id metadataUri } }',
  '{ clips(where: { metadataUri_ends_with: "%" }) { id } }',
  '{ clips(where: { grc20WorkId_starts_with: "カラ" }) { id grc20WorkId } }',
  '{ clips(where: { grc20WorkId_contains: "_" }) { id } }',
  `{ clips(where: { grc20WorkId: "'; drop table" }) { id } }`,
  '{ clips(where: { registeredBy_contains: "f39f" }) { id } }',
  '{ clips(where: { registeredBy_gt: "0x70" }, first: 3) { id registeredBy } }',
  '{ clips(where: { or: [{ isEnabled: false }, { and: [{ startMs_gt: 5000 }, { isRegistered: true }] }] }) { id } }',
  '{ clips(where: { segments_: { lockChainId: 8453 } }) { id segments { lockChainId } } }',
  '{ clips(where: { events_: { kind: TOGGLED } }, first: 5) { id } }',
  `{ segments(where: { lock: "${lock}" }) { id lock { id } } }`,
  `{ segments(where: { lock_not: "${lock}" }) { id } }`,
  `{ segments(where: { lock_in: ["${lock}"] }) { id } }`,
  '{ segments(where: { lock: null }) { id lockAddress } }',
  '{ segments(where: { lock_not: null }) { id lock { id version } } }',
  '{ segments(where: { lock_: { version_gte: 14 } }) { id lock { version } } }',
  `{ segments(where: { lock_: { artist_: { id: "${artist}" } } }) { id } }`,
  `{ segments(where: { clip_: { isRegistered: true }, lockAddress: "${lock}" }) { id clip { id } } }`,
  '{ clipEvents(where: { kind: ENCRYPTED }, first: 5) { id kind lockAddress } }',
  '{ clipEvents(where: { kind_in: [PROCESSED, TOGGLED], block_gt: "40" }, first: 7) { id kind block } }',
  '{ clipEvents(where: { kind_not_in: [REGISTERED] }, first: 7) { kind } }',
  '{ clipEvents(where: { _change_block: { number_gte: 60 } }, first: 5) { id block } }',
  '{ clips(where: { _change_block: { number_gte: 90 } }) { id } }',
  '{ foreignEvents(where: { name_starts_with: "Clip" }, first: 10) { name emitter } }',
  '{ keys(where: { expiration_gt: "1800000000", owner_not: "0x0000000000000000000000000000000000000000" }) { id } }',
  '{ keys(where: { expiration: "115792089237316195423570985008687907853269984665640564039457584007913129639935" }) { id } }',
  `{ keys(where: { lock: "${lock}", isCanceled_in: [true, false] }, orderBy: tokenId) { tokenId } }`,
  '{ locks(where: { maxKeys_gt: "999", price_lte: "600000000000000" }) { id price maxKeys } }',
  '{ locks(where: { name_not: "" }) { name } }',
  '{ locks(where: { keys_: { isCanceled: true } }) { id } }',
  '{ artists(where: { handle: null }) { id } }',
]

const ofOrder = () => [
  '{ clips(orderBy: startMs, first: 100) { id startMs } }',
  '{ clips(orderBy: startMs, orderDirection: desc, first: 100) { id startMs } }',
  '{ clips(orderBy: spotifyTrackId, orderDirection: asc) { spotifyTrackId } }',
  '{ clips(orderBy: isEnabled, skip: 10, first: 10) { id isEnabled } }',
  '{ clips(orderBy: registeredBy, orderDirection: desc) { id registeredBy } }',
  '{ clips(orderDirection: desc, first: 3) { id } }',
  '{ segments(orderBy: lock__name, first: 50) { id lock { name } } }',
  '{ segments(orderBy: lock__createdAtBlock, orderDirection: desc, first: 50) { id lock { createdAtBlock } } }',
  '{ segments(orderBy: clip__startMs, first: 50) { id clip { startMs } } }',
  '{ clipEvents(orderBy: kind, first: 30, skip: 100) { kind id } }',
  '{ keyEvents(orderBy: timestamp, orderDirection: desc, first: 30) { id timestamp kind } }',
  '{ keys(orderBy: expiration, orderDirection: desc) { expiration } }',
  '{ keys(orderBy: lock__price) { id lock { price } } }',
  '{ locks(orderBy: price) { id price keys(first: 2, orderBy: expiration, orderDirection: desc, where: { isCanceled: false }) { expiration } } }',
]

const ofHistory = ({ block, hash, lock, key }: Samples) => {
  const [early, middle] = [30, Math.floor(block / 2)]
  return [
    '{ _meta { block { number hash timestamp parentHash } hasIndexingErrors } }',
    `{ _meta(block: { number: ${middle} }) { block { number hash } hasIndexingErrors } }`,
    `{ _meta(block: { hash: "${hash}" }) { block { number hash } } }`,
    `{ clips(block: { number: ${early} }, first: 100) { id isRegistered } }`,
    `{ clips(block: { number: ${middle} }, where: { isRegistered: true }, orderBy: startMs) { id startMs segments { lockAddress lock { id } } } }`,
    `{ clips(block: { hash: "${hash}" }, first: 3) { id } }`,
    `{ clips(block: { number_gte: ${middle} }, first: 3) { id } }`,
    `{ lock(id: "${lock}", block: { number: ${middle} }) { totalKeys keys { expiration owner } } }`,
    `{ key(id: "${key}", block: { number: ${block - 1} }) { expiration } }`,
    `{ clipEvents(block: { number: ${middle} }, orderBy: block, orderDirection: desc, first: 2) { block } }`,
    `{ clips(block: { number: ${early} }, where: { _change_block: { number_gte: 27 } }) { id } }`,
    `{ now: clips(first: 1) { isEnabled } then: clips(first: 1, block: { number: ${middle} }) { isEnabled } }`,
    '{ clips(subgraphError: allow, first: 1) { id } }',
  ]
}

const ofErrors = ({ block }: Samples) => [
  '{ clips(first: 1001) { id } }',
  '{ clips(first: -1) { id } }',
  '{ clips(skip: -1) { id } }',
  '{ nope { id } }',
  '{ clips { nope } }',
  '{ clips(where: { nope: 1 }) { id } }',
  '{ clips(where: { startMs: "x" }) { id } }',
  '{ clips(where: { id: "xyz" }) { id } }',
  '{ clips(orderBy: nope) { id } }',
  '{ clips(orderDirection: sideways) { id } }',
  '{ clip { id } }',
  `{ clips(block: { number: ${block + 1000} }) { id } }`,
  `{ clips(block: { number_gte: ${block + 1000} }) { id } }`,
  '{ clips(block: { number: -5 }) { id } }',
  '{ clips(block: { hash: "0x1111111111111111111111111111111111111111111111111111111111111111" }) { id } }',
  '{ clips(block: {}) { id } }',
  'query A { clips { id } } query B { clips { id } }',
  'mutation { clips { id } }',
  'subscription { clips { id } }',
  '{ clips(where: { and: [{ nope: 1 }] }) { id } }',
  '{ clips(nope: 1) { id } }',
  'query ($id: ID!) { clip(id: $id) { id } }',
]

const withVariables = ({ clip, block }: Samples): Question[] => [
  { query: 'query ($id: ID!) { clip(id: $id) { id startMs } }', variables: { id: clip } },
  {
    query: 'query ($where: Clip_filter) { clips(where: $where) { id } }',
    variables: { where: { isRegistered: true, or: [{ startMs_lt: 99 }, { id: clip }] } },
  },
  { query: 'query ($where: Clip_filter) { clips(where: $where, first: 3) { id } }' },
  { query: 'query ($where: Clip_filter) { clips(where: $where, first: 3) { id } }', variables: { where: null } },
  {
    query:
      'query ($by: Clip_orderBy!, $to: OrderDirection) { clips(orderBy: $by, orderDirection: $to, first: 9) { startMs } }',
    variables: { by: 'startMs', to: 'desc' },
  },
  { query: 'query ($first: Int = 2) { clips(first: $first) { id } }' },
  { query: 'query ($first: Int = 2) { clips(first: $first) { id } }', variables: { first: 4 } },
  { query: 'query ($first: Int) { clips(first: $first) { id } }', variables: { first: 'four' } },
  { query: 'query ($ids: [Bytes!]) { clips(where: { id_in: $ids }) { id } }', variables: { ids: [clip, '0x00'] } },
  {
    query: 'query ($at: Block_height) { clips(block: $at, first: 5) { id isRegistered } }',
    variables: { at: { number: block - 5 } },
  },
  {
    query: 'query ($with: Boolean!) { clips(first: 2) { id startMs @include(if: $with) endMs @skip(if: $with) } }',
    variables: { with: true },
  },
  { query: 'query ($after: Bytes = "0x80") { clips(where: { id_gt: $after }, first: 3, orderBy: id) { id } }' },
]
