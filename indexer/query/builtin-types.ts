/**
 * What every subgraph's query schema has beside the entities: scalars, block heights, `_meta` and `_logs`. Names, types and
 * defaults are those of graph-node 0.45.
 */
export const BUILTIN_TYPES = /* GraphQL */ `
  "Marks a type as an entity that is stored."
  directive @entity on OBJECT
  "The subgraph a type belongs to."
  directive @subgraphId(id: String!) on OBJECT
  "A field that is not stored: the entities that refer back here by the named field."
  directive @derivedFrom(field: String!) on FIELD_DEFINITION

  "A decimal number of up to 34 significant digits, as a string."
  scalar BigDecimal
  "An integer of any size, as a string."
  scalar BigInt
  "Bytes as hexadecimal digits behind 0x."
  scalar Bytes
  "An integer of 64 bits, as a string."
  scalar Int8
  "Microseconds since 1970, as a string."
  scalar Timestamp

  enum OrderDirection {
    asc
    desc
  }

  enum Aggregation_interval {
    hour
    day
  }

  enum Aggregation_current {
    "Leave out the interval that has not ended."
    exclude
    "Include the interval that has not ended."
    include
  }

  enum _SubgraphErrorPolicy_ {
    "Give data even after a handler has failed."
    allow
    "Give no data after a handler has failed."
    deny
  }

  input BlockChangedFilter {
    number_gte: Int!
  }

  "One block: by its hash, by its number, or the latest if it is at least the given one."
  input Block_height {
    hash: Bytes
    number: Int
    number_gte: Int
  }

  "What is indexed, and how far."
  type _Meta_ {
    "The block the query is answered at."
    block: _Block_!
    "Id of the deployment."
    deployment: String!
    "Whether a handler has failed at or before the block."
    hasIndexingErrors: Boolean!
  }

  type _Block_ {
    "Null when the block was asked for by its number."
    hash: Bytes
    number: Int!
    "Unix seconds; null when the block was asked for by its number."
    timestamp: Int
    "Null when the block was asked for by its number."
    parentHash: Bytes
  }

  enum LogLevel {
    CRITICAL
    ERROR
    WARNING
    INFO
    DEBUG
  }

  type _Log_ {
    id: String!
    subgraphId: String!
    timestamp: String!
    level: LogLevel!
    text: String!
    arguments: [_LogArgument_!]!
    meta: _LogMeta_!
  }

  type _LogArgument_ {
    key: String!
    value: String!
  }

  type _LogMeta_ {
    module: String!
    line: Int!
    column: Int!
  }
`

/** Root fields that every subgraph has. Logs of handlers are not kept, so `_logs` is always empty. */
export const BUILTIN_ROOT_FIELDS = /* GraphQL */ `
  "The block that is answered at, and whether indexing goes well."
  _meta(block: Block_height): _Meta_
  "Always empty: what handlers log is not kept."
  _logs(
    level: LogLevel
    from: String
    to: String
    search: String
    first: Int = 100
    skip: Int = 0
    orderDirection: OrderDirection = desc
  ): [_Log_!]!
`
