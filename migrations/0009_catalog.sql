-- What the subgraph says has happened on chain, in the order in which it was learned. A row is never changed but for
-- `retracted_by`: what a re-organisation takes back is told by a row of its own. Only the follower writes here, one at a time.
create table catalog_events (
  -- Without gaps, so that a reader's cursor misses nothing.
  seq bigint primary key,
  source text not null check (source in ('clips', 'locks')),
  -- Of the subgraph: transaction hash and log index.
  event_id text not null,
  kind text not null check (kind in ('clip_registered', 'clip_processed', 'segment_encrypted', 'clip_toggled',
    'lock_created', 'lock_pricing_changed', 'lock_config_changed', 'lock_upgraded', 'lock_metadata_changed',
    'key_purchased', 'key_transferred', 'key_extended', 'key_expiration_changed', 'key_canceled', 'key_expired')),
  block_number bigint not null,
  log_index int not null,
  block_at timestamptz not null,
  transaction_hash text not null,
  clip_hash text,
  lock_address text,
  token_id numeric(78, 0),
  from_address text,
  to_address text,
  -- Set in rows that take back an earlier one, and in the rows taken back.
  retracts bigint references catalog_events,
  retracted_by bigint,
  at timestamptz not null default clock_timestamp()
);
create unique index catalog_events_standing on catalog_events (source, event_id) where retracts is null and retracted_by is null;
create index on catalog_events (source, block_number) where retracts is null and retracted_by is null;
create index on catalog_events (kind, seq);

-- How far each subgraph has been followed, and how it is.
create table catalog_positions (
  source text primary key check (source in ('clips', 'locks')),
  deployment text not null,
  block_number bigint not null,
  -- Null while the history is being read in parts.
  block_hash text,
  block_at timestamptz,
  has_indexing_errors boolean not null default false,
  -- When it last answered, and what was wrong the last time it did not.
  answered_at timestamptz not null default now(),
  error_message text,
  failed_at timestamptz
);
