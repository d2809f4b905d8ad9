-- What is published of artists and works in the metadata space, as entities of the GRC-20 graph, and the edits that did it.

create domain graph_id as text check (value ~ '^[0-9a-f]{32}$');
create domain content_id as text check (value ~ '^(b[a-z2-7]{20,120}|Qm[1-9A-HJ-NP-Za-km-z]{44})$');
create domain web_url as text check (value ~ '^https?://[^\s<>"]+$' and length(value) <= 2000);

-- Edits --------------------------------------------------------------------------------------------------------------------

create table grc20_edits (
  edit_id graph_id primary key,
  id bigint not null unique generated always as identity,
  space_id graph_id not null,
  kind text not null check (kind in ('setup', 'mint', 'update')),
  name text not null,
  -- Of the bytes: CIDv1, raw, SHA-256.
  cid content_id not null,
  -- Until it is confirmed, so that after a crash the very same edit is sent again; from then on the archive has them.
  bytes bytea,
  entity_ids text[] not null,
  -- The rows it publishes: what is to be said of them once it is confirmed.
  rows jsonb not null default '[]' check (jsonb_typeof(rows) = 'array'),
  -- What the chain holds: the content id, in the form that the space wants.
  recorded_as text,
  tx_hash text check (tx_hash ~ '^0x[0-9a-f]{64}$'),
  chain_id bigint,
  block_number bigint,
  created_at timestamptz not null default now(),
  confirmed_at timestamptz,
  -- Set when it was refused for good; its rows are then free for another edit.
  failed_at timestamptz,
  error_message text,
  check (confirmed_at is null or failed_at is null),
  check (confirmed_at is null or num_nulls(tx_hash, chain_id, block_number, recorded_as) = 0)
);
create index grc20_edits_entities on grc20_edits using gin (entity_ids);
create index grc20_edits_under_way on grc20_edits (created_at) where confirmed_at is null and failed_at is null;

-- Properties, types and relations that a space holds.
create table grc20_space (
  space_id graph_id not null,
  item_id graph_id not null,
  kind text not null check (kind in ('property', 'type', 'relation')),
  name text not null,
  edit_id graph_id not null references grc20_edits on delete restrict,
  published_at timestamptz not null default now(),
  primary key (space_id, item_id)
);

-- Rows ---------------------------------------------------------------------------------------------------------------------

create table grc20_artists (
  artist_id bigint primary key references artists on delete restrict,

  -- Published, each as a property of its own.
  name text not null check (btrim(name) <> ''),
  alternate_names text,
  lens_handle text,
  lens_account text,
  isni text,
  viaf text,
  bnf text,
  gnd text,
  loc text,
  spotify_url web_url,
  genius_url web_url,
  wikidata_url web_url,
  musicbrainz_url web_url,
  apple_music_url web_url,
  youtube_url web_url,
  instagram_url web_url,
  tiktok_url web_url,
  website_url web_url,
  -- The cover: a file by its content id, or else an address; one is drawn when there is neither.
  image_cid content_id,
  image_url web_url,

  -- Never published: Wikidata has it in every language.
  wikipedia_url web_url,

  grc20_entity_id graph_id unique,
  minted_at timestamptz,
  needs_update boolean not null default false,
  -- Where it was minted. In another space it counts as not minted.
  space_id graph_id,
  -- The newest confirmed edit that holds it, and one that is under way.
  edit_id graph_id references grc20_edits on delete restrict,
  pending_edit_id graph_id references grc20_edits on delete set null,
  cid content_id,
  tx_hash text,
  -- What was filled in by itself; a column that differs was changed by hand, and stays.
  populated jsonb not null default '{}' check (jsonb_typeof(populated) = 'object'),
  -- Grows with every change of what is published.
  revision int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (minted_at is null or num_nulls(grc20_entity_id, space_id, edit_id, cid, tx_hash) = 0)
);

create table grc20_works (
  track_id bigint primary key references tracks on delete cascade,

  -- Published: the relation to who performs it, and the properties.
  artist_id bigint not null references artists on delete restrict,
  title text not null check (btrim(title) <> ''),
  alternate_titles text,
  iswc text,
  -- Only a date that is known to the day.
  release_date date check (release_date between '0001-01-01' and '9999-12-31'),
  language text,
  viaf text,
  bnf text,
  gnd text,
  loc text,
  genius_url web_url,
  wikidata_url web_url,
  musicbrainz_url web_url,
  image_cid content_id,
  image_url web_url,

  grc20_entity_id graph_id unique,
  minted_at timestamptz,
  needs_update boolean not null default false,
  space_id graph_id,
  edit_id graph_id references grc20_edits on delete restrict,
  pending_edit_id graph_id references grc20_edits on delete set null,
  cid content_id,
  tx_hash text,
  -- The relation to the artist, as published, and which artist that is.
  artist_relation_id graph_id,
  published_artist_id bigint,
  populated jsonb not null default '{}' check (jsonb_typeof(populated) = 'object'),
  revision int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (minted_at is null or num_nulls(grc20_entity_id, space_id, edit_id, cid, tx_hash, artist_relation_id) = 0)
);
create index grc20_artists_unminted on grc20_artists (artist_id) where minted_at is null;
create index grc20_artists_changed on grc20_artists (artist_id) where needs_update;
create index grc20_works_unminted on grc20_works (track_id) where minted_at is null;
create index grc20_works_changed on grc20_works (track_id) where needs_update;
create index grc20_works_artist on grc20_works (artist_id);

-- A change of what is published needs an update. Everything is published but the columns that the trigger names, so that a
-- column added later cannot be forgotten.
create function tg_grc20__changed() returns trigger language plpgsql as $$
begin
  if to_jsonb(new) - tg_argv is not distinct from to_jsonb(old) - tg_argv then return new; end if;
  new.revision := old.revision + 1;
  new.updated_at := now();
  if new.minted_at is not null then new.needs_update := true; end if;
  return new;
end $$;
create trigger _500_changed before update on grc20_artists for each row
  execute function tg_grc20__changed('wikipedia_url', 'grc20_entity_id', 'minted_at', 'needs_update', 'space_id', 'edit_id',
    'pending_edit_id', 'cid', 'tx_hash', 'populated', 'revision', 'created_at', 'updated_at');
create trigger _500_changed before update on grc20_works for each row
  execute function tg_grc20__changed('grc20_entity_id', 'minted_at', 'needs_update', 'space_id', 'edit_id',
    'pending_edit_id', 'cid', 'tx_hash', 'artist_relation_id', 'published_artist_id', 'populated', 'revision', 'created_at',
    'updated_at');

-- Whoever has read the handle in the entity relies on it.
create function tg_grc20_artists__handle() returns trigger language plpgsql as $$
begin
  raise exception 'artist % was minted with the handle %, which cannot change', old.artist_id, old.lens_handle
    using errcode = 'check_violation';
end $$;
create trigger _100_handle before update of lens_handle on grc20_artists for each row
  when (old.minted_at is not null and new.lens_handle is distinct from old.lens_handle)
  execute function tg_grc20_artists__handle();
