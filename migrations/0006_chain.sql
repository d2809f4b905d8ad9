-- Chains that Refrain writes to, and every transaction it has signed.

create table chains (
  chain_id bigint primary key check (chain_id > 0),
  -- Hash of block 0, by which a chain that was begun anew is told from the one before. Null takes over the chain that is there:
  -- everything recorded is then sent to it again.
  genesis_hash text check (genesis_hash ~ '^0x[0-9a-f]{64}$'),
  first_seen_at timestamptz not null default now()
);

-- Stored before it is sent, so that a crash at any moment sends the same bytes again and never others.
create table chain_transactions (
  -- What makes two orders the same.
  idempotency_key text primary key check (idempotency_key <> ''),
  chain_id bigint not null references chains on delete restrict,
  sender text not null check (sender ~ '^0x[0-9a-f]{40}$'),
  nonce bigint not null check (nonce >= 0),
  -- For people.
  description text not null,
  to_address text not null check (to_address ~ '^0x[0-9a-f]{40}$'),
  data text not null check (data ~ '^0x[0-9a-f]*$'),
  -- In wei.
  value numeric(78, 0) not null default 0 check (value >= 0),
  gas_limit bigint not null check (gas_limit > 0),
  -- The signed transaction, and its hash. A replacement with a higher fee keeps the nonce, so only one of the hashes is ever mined.
  raw text not null check (raw ~ '^0x[0-9a-f]+$'),
  hash text not null check (hash ~ '^0x[0-9a-f]{64}$'),
  hashes text[] not null check (hash = any (hashes)),
  status text not null default 'pending' check (status in ('pending', 'mined', 'reverted')),
  block_number bigint,
  block_hash text,
  gas_used bigint,
  -- Why it reverted.
  error text,
  created_at timestamptz not null default now(),
  -- When these bytes were signed: later than created_at after a replacement.
  signed_at timestamptz not null default now(),
  mined_at timestamptz,
  unique (chain_id, sender, nonce),
  check ((status = 'pending') = (block_number is null)),
  check ((block_number is null) = (block_hash is null))
);
create index chain_transactions_pending on chain_transactions (chain_id, sender, nonce) where status = 'pending';

-- Lets an order that was mined and reverted be given again: it changed nothing on chain. Its record stays, under another key.
create function retry_reverted_order(reverted_key text) returns boolean language sql volatile as $$
  with released as (
    update chain_transactions set idempotency_key = idempotency_key || ' (reverted at nonce ' || nonce || ')'
    where idempotency_key = reverted_key and status = 'reverted'
    returning 1
  )
  select exists (select from released)
$$;
