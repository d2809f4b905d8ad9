/** Things that exist on the chain that is asked about; ids as `0x…`. */
export interface Facts {
  readonly clip: string
  readonly lock: string
  readonly key: string
  /** Holds a key. */
  readonly owner: string
  readonly artist: string
  /** A block that is indexed, not the last one, with an event in it: graph-node remembers the hashes of such. */
  readonly block: number
  readonly blockHash: string
}

export interface RepresentativeQuery {
  readonly name: string
  readonly query: string
  readonly variables?: Readonly<Record<string, unknown>>
}

const query = (name: string, text: string, variables?: Readonly<Record<string, unknown>>): RepresentativeQuery =>
  variables ? { name, query: text, variables } : { name, query: text }

/**
 * Queries of our own schema that graph-node and the embedded indexer have to answer alike, once both are at the same block:
 * what clients of such APIs send, every kind of filter and order, and the errors. Where the answer has `errors`, their
 * messages are equal as well, up to `, query = …`, with which graph-node appends its SQL; `_meta.deployment` differs, and is not asked.
 */
export function representativeQueries(facts: Facts): readonly RepresentativeQuery[] {
  return [
    ...lists(),
    ...byValue(facts),
    ...nested(facts),
    ...earlierBlocks(facts),
    ...variables(facts),
    ...refused(facts),
  ]
}

const CLIP = 'id isRegistered isEnabled grc20WorkId spotifyTrackId startMs endMs metadataUri registeredBy registeredAt'
const LOCK = 'id name price currency expirationDuration maxKeys maxKeysPerAddress version totalKeys createdAt'

function lists(): RepresentativeQuery[] {
  return [
    query(
      'all clips',
      `{ clips { ${CLIP} registeredAtBlock instrumentalUri alignmentUri translationCount processedAt } }`,
    ),
    query('all locks', `{ locks { ${LOCK} createdAtBlock artist { id handle } } }`),
    query(
      'all keys',
      '{ keys(first: 1000) { id tokenId owner expiration isCanceled createdAt createdAtBlock lock { id } } }',
    ),
    query(
      'all events of keys',
      '{ keyEvents(first: 1000) { id kind from to expiration block logIndex timestamp transaction } }',
    ),
    query(
      'all events of clips',
      '{ clipEvents(first: 1000) { id kind emitter lockAddress isEnabled block timestamp } }',
    ),
    query('all events of locks', '{ lockEvents(first: 1000) { id kind price currency version block logIndex } }'),
    query(
      'emitters, artists, segments',
      '{ emitters { id isAllowed } artists { id handle account } segments { id lockChainId } }',
    ),
    query(
      'events of strangers',
      '{ foreignEvents(orderBy: timestamp, orderDirection: desc) { id name clipHash emitter } }',
    ),
    query('first two', '{ clips(first: 2) { id } }'),
    query('the next two', '{ clips(first: 2, skip: 2) { id } }'),
    query('far beyond the end', '{ clips(skip: 100000) { id } }'),
    query('ordered by a number', '{ keys(orderBy: tokenId, orderDirection: desc) { id tokenId } }'),
    query('ordered by a text with nulls', '{ clips(orderBy: grc20WorkId) { id grc20WorkId } }'),
    query(
      'ordered by a text with nulls, descending',
      '{ clips(orderBy: metadataUri, orderDirection: desc) { id metadataUri } }',
    ),
    query('ordered by bytes', '{ keys(orderBy: owner) { id owner } }'),
    query('ordered by a boolean', '{ clips(orderBy: isEnabled, orderDirection: desc) { id isEnabled } }'),
    query('ordered one level down', '{ keys(orderBy: lock__name) { id lock { name } } }'),
    query('ordered one level down, descending', '{ keys(orderBy: lock__createdAtBlock, orderDirection: desc) { id } }'),
    query(
      'ordered through a reference that may be null',
      '{ segments(orderBy: lock__name, orderDirection: desc) { id lock { name } } }',
    ),
    query(
      'typenames and aliases',
      '{ __typename a: clips(first: 1) { t: __typename key: id id } b: locks(first: 1) { id } }',
    ),
    query('the latest block', '{ _meta { block { number hash timestamp parentHash } hasIndexingErrors } }'),
    query('fragments', '{ clips { ...C } } fragment C on Clip { id ...S } fragment S on Clip { startMs endMs }'),
    query('merged selections', '{ clips(first: 2) { id } clips(first: 2) { startMs ... on Clip { endMs } } }'),
    query('the type of a lock', '{ __type(name: "Lock") { name fields { name type { kind name ofType { name } } } } }'),
  ]
}

function byValue({ clip, lock, owner, artist }: Facts): RepresentativeQuery[] {
  return [
    query('one clip', `{ clip(id: "${clip}") { ${CLIP} } }`),
    query('one clip, digits in capitals', `{ clip(id: "0x${clip.slice(2).toUpperCase()}") { id } }`),
    query('a clip that is not there', `{ clip(id: "0x${'ab'.repeat(32)}") { id } }`),
    query('keys of an owner', `{ keys(where: {owner: "${owner}"}) { id owner } }`),
    query('keys of everybody else', `{ keys(where: {owner_not: "${owner}"}, first: 1000) { id owner } }`),
    query('some of these locks', `{ locks(where: {id_in: ["${lock}", "0x01"]}) { id } }`),
    query('none of these', `{ locks(where: {id_not_in: ["${lock}"]}) { id } }`),
    query(
      'an empty list finds nothing',
      '{ clips(where: {id_in: []}) { id } empty: locks(where: {id_not_in: []}) { id } }',
    ),
    query('by reference', `{ keys(where: {lock: "${lock}"}) { id } locks(where: {artist_in: ["${artist}"]}) { id } }`),
    query('by part of bytes', `{ keys(where: {owner_contains: "${owner.slice(0, 10)}"}) { id } }`),
    query('without part of bytes', `{ locks(where: {artist_not_contains: "${artist.slice(0, 10)}"}) { id } }`),
    query('by part of a text', '{ locks(where: {name_contains: "o"}) { id name } }'),
    query('without regard to case', '{ locks(where: {name_contains_nocase: "SONG"}) { name } }'),
    query(
      'with wildcards',
      '{ locks(where: {name_contains: "_o%"}) { name } clips(where: {metadataUri_ends_with: "%"}) { id } }',
    ),
    query(
      'by beginning and end',
      '{ clips(where: {metadataUri_starts_with: "ipfs", spotifyTrackId_not_ends_with: "x"}) { id } }',
    ),
    query(
      'by enum',
      '{ keyEvents(where: {kind: PURCHASED}) { id } clipEvents(where: {kind_not_in: [TOGGLED]}) { id kind } }',
    ),
    query('what is null', '{ clips(where: {processedAt: null}) { id } segments(where: {lock_not: null}) { id } }'),
    query('between', '{ keys(where: {expiration_gt: "1", expiration_lte: 99999999999}) { id expiration } }'),
    query('by a boolean', '{ clips(where: {isEnabled: true, isRegistered_not: false}) { id } }'),
    query('one of several', '{ clips(where: {or: [{isEnabled: false}, {startMs_gt: 0}]}) { id } }'),
    query('all of several', `{ keys(where: {and: [{lock: "${lock}"}, {isCanceled: false}]}) { id } }`),
    query(
      'pages by id',
      `{ keys(first: 2, where: {id_gt: "0x"}) { id } rest: keys(first: 2, where: {id_gt: "${lock}"}) { id } }`,
    ),
  ]
}

function nested({ lock, owner, artist }: Facts): RepresentativeQuery[] {
  return [
    query(
      'keys below locks',
      `{ locks { id keys(first: 2, orderBy: tokenId, orderDirection: desc) { tokenId owner } } }`,
    ),
    query(
      'filtered below',
      `{ lock(id: "${lock}") { keys(where: {owner_contains: "${owner}"}, skip: 0) { id events { kind } } } }`,
    ),
    query(
      'three levels',
      '{ artists { id locks { id keys { id events(first: 1) { kind lock { artist { id } } } } } } }',
    ),
    query('by what is referred to', '{ keys(where: {lock_: {name_contains: "o", version_gt: 0}}) { id } }'),
    query(
      'by what refers back',
      `{ locks(where: {keys_: {owner: "${owner}"}}) { id } clips(where: {segments_: {lockChainId_gt: 0}}) { id } }`,
    ),
    query('by alternatives below', `{ artists(where: {locks_: {or: [{id: "${lock}"}, {name: "none"}]}}) { id } }`),
    query('a lock and its songs', '{ locks { id segments { id encryptedFullUri clip { id startMs } lock { id } } } }'),
    query('an artist', `{ artist(id: "${artist}") { id handle account metadataUri createdAt locks { name } } }`),
  ]
}

function earlierBlocks({ block, blockHash, lock }: Facts): RepresentativeQuery[] {
  return [
    query(
      'at a block',
      `{ clips(block: {number: ${block}}) { ${CLIP} } keys(block: {number: ${block}}) { id owner } }`,
    ),
    query('at a block by hash', `{ locks(block: {hash: "${blockHash}"}) { ${LOCK} keys { id expiration } } }`),
    query('not before a block', `{ clips(block: {number_gte: ${block}}) { id } }`),
    query('the block itself', `{ _meta(block: {number: ${block}}) { block { number hash timestamp parentHash } } }`),
    query(
      'the block itself by hash',
      `{ _meta(block: {hash: "${blockHash}"}) { block { number hash timestamp parentHash } } }`,
    ),
    query(
      'two blocks in one query',
      `{ then: lock(id: "${lock}", block: {number: ${block}}) { price } now: lock(id: "${lock}") { price } }`,
    ),
    query('changed since', `{ locks(where: {_change_block: {number_gte: ${block}}}) { id } }`),
  ]
}

function variables({ lock, owner, block }: Facts): RepresentativeQuery[] {
  return [
    query(
      'filter, order and page as variables',
      `query Keys($where: Key_filter, $orderBy: Key_orderBy, $direction: OrderDirection, $first: Int!, $skip: Int) {
        keys(where: $where, orderBy: $orderBy, orderDirection: $direction, first: $first, skip: $skip) { id tokenId }
      }`,
      { where: { owner_in: [owner], expiration_gt: '0' }, orderBy: 'tokenId', direction: 'desc', first: 10, skip: 0 },
    ),
    query('an id as a variable', 'query Lock($id: ID!) { lock(id: $id) { id name } }', { id: lock }),
    query('a block as a variable', 'query At($block: Block_height) { locks(block: $block) { id } }', {
      block: { number: block },
    }),
    query(
      'a variable that is left out is null',
      'query ($uri: String) { clips(where: {metadataUri: $uri}) { id } }',
      {},
    ),
    query('directives', 'query ($more: Boolean!) { clips { id startMs @include(if: $more) endMs @skip(if: $more) } }', {
      more: true,
    }),
    query('errors allowed', '{ clips(subgraphError: allow) { id } }'),
  ]
}

function refused({ lock }: Facts): RepresentativeQuery[] {
  return [
    query('too many', '{ clips(first: 2000) { id } }'),
    query('none', '{ clips(first: 0) { id } }'),
    query('a field that is not there', '{ clips { nope } }'),
    query('a root field that is not there', '{ nope { id } }'),
    query('a filter that is not there', '{ clips(where: {nope: 1}) { id } }'),
    query('a value of another type', '{ clips(where: {startMs: "1"}) { id } }'),
    query('no hexadecimal digits', '{ clips(where: {registeredBy: "xy"}) { id } clip(id: "zz") { id } }'),
    query('a filter in a filter', `{ keys(where: {lock_: {artist_: {handle: "x"}}}) { id } }`),
    query('or beside a column', `{ keys(where: {lock: "${lock}", or: [{isCanceled: true}]}) { id } }`),
    query('ordered by an enum', '{ keyEvents(orderBy: kind) { id } }'),
    query('ordered one level down below', '{ locks { keys(orderBy: lock__name) { id } } }'),
    query('an unknown block', `{ clips(block: {hash: "0x${'00'.repeat(32)}"}) { id } }`),
    query('a required variable that is missing', 'query ($first: Int!) { clips(first: $first) { id } }'),
    query('a mutation', 'mutation { clips { id } }'),
  ]
}
