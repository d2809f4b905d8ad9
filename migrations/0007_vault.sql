-- Secrets ----------------------------------------------------------------------------------------------------------------

-- Wallets' private keys and content keys, encrypted with AES-256-GCM under the installation's master key.
create table secrets (
  name text primary key check (name <> ''),
  -- Nonce (12 bytes), ciphertext, tag (16); the name is additional data, so that a row cannot be passed off as another.
  sealed bytea not null check (length(sealed) >= 28),
  -- Which master key sealed it; says nothing about the key itself.
  key_id text not null check (key_id ~ '^[0-9a-f]{16}$'),
  created_at timestamptz not null default now()
);
create index on secrets (key_id);

-- Key gate ---------------------------------------------------------------------------------------------------------------

-- What a wallet signs once. A row stays until long after its end, so that a replay is told from a number never given.
create table key_nonces (
  nonce text primary key,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);
create index on key_nonces (expires_at);

-- Every decision about a content key. The address is proven only where the reason says that the signature was checked.
create table key_releases (
  id bigint generated always as identity primary key,
  key_id text not null check (length(key_id) <= 100),
  address text not null check (address ~ '^0x[0-9a-f]{40}$'),
  decision text not null check (decision in ('granted', 'denied')),
  reason text not null,
  -- The block at which the condition was read; null when it was not.
  block_number bigint,
  at timestamptz not null default now()
);
create index on key_releases (key_id, id);
create index on key_releases (address, id);
