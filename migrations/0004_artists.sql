-- Artists: each has one wallet, one account and one lock, whatever its tracks.

-- How names are compared: without case, accents, punctuation and spaces. Cut, so that an index takes it. The collation that
-- lowers every script alike has another name before PostgreSQL 17.
do $$
declare collation_name text;
begin
  select quote_ident(c.collname) into collation_name
  from unnest(array['pg_c_utf8', 'und-x-icu', 'C.utf8', 'C.UTF-8', 'default']) with ordinality n(name, place)
  join pg_collation c on c.collname = n.name and c.collnamespace = 'pg_catalog'::regnamespace
    and c.collencoding in (-1, pg_char_to_encoding(getdatabaseencoding()))
  order by n.place limit 1;
  execute format($function$
    create function artist_name_key(name text) returns text language sql immutable parallel safe as $body$
      select left(coalesce(nullif(lower(regexp_replace(normalize(name, NFKD),
        '[\s!-/:-@\[-`{-~\u0300-\u036f\u2000-\u206f\u3000-\u303f]+', '', 'g') collate %1$s), ''), lower(btrim(name) collate %1$s)), 200)
    $body$ $function$, collation_name);
end $$;

create table artists (
  id bigint generated always as identity primary key,
  stage text not null default 'pending' check (stage in ('pending', 'identified', 'registered', 'locked')),
  -- As credited by the track that brought the artist.
  name text not null check (btrim(name) <> ''),
  name_key text not null generated always as (artist_name_key(name)) stored,
  spotify_artist_id text unique check (spotify_artist_id <> ''),
  genius_artist_id text,
  wikidata_id text,
  musicbrainz_artist_id text,
  isni text,
  image_url text,
  genres jsonb not null default '[]' check (jsonb_typeof(genres) = 'array'),
  -- Other names, each once.
  aliases jsonb not null default '[]' check (jsonb_typeof(aliases) = 'array'),
  -- Set when an artist that was known by name alone turned out to be another one. It gets no identity of its own.
  merged_into bigint references artists on delete restrict check (merged_into <> id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index artists_name_key on artists (name_key);
create unique index artists_by_name_alone on artists (name_key) where spotify_artist_id is null;
create index artists_stage on artists (stage, id);

-- What each source of metadata knows of an artist.
create table artist_metadata (
  artist_id bigint not null references artists on delete cascade,
  source text not null,
  data jsonb not null check (jsonb_typeof(data) = 'object'),
  updated_at timestamptz not null default now(),
  primary key (artist_id, source)
);

-- An identity outlives every task: an artist that has one cannot be deleted.
create table pkp_accounts (
  artist_id bigint primary key references artists on delete restrict,
  address text not null unique check (address ~ '^0x[0-9a-fA-F]{40}$'),
  -- 256 bits, in decimal; null where the provider gives none.
  token_id text,
  -- 65 bytes, uncompressed; null where the provider shows none.
  public_key text,
  owner text,
  tx_hash text,
  -- CAIP-2: eip155:31337.
  network text not null,
  provider text not null,
  minted_at timestamptz not null default now()
);

create table lens_accounts (
  artist_id bigint primary key references artists on delete restrict,
  handle text not null check (length(handle) between 1 and 30),
  account_address text not null unique check (account_address ~ '^0x[0-9a-fA-F]{40}$'),
  owner text not null,
  -- Where the handle is unique: eip155:31337/0x…, or lens.
  namespace text not null,
  provider text not null,
  tx_hash text,
  metadata_uri text not null,
  -- Handles that were tried and belonged to others, in order.
  taken_handles jsonb not null default '[]' check (jsonb_typeof(taken_handles) = 'array'),
  created_at timestamptz not null default now(),
  lock_address text unique check (lock_address ~ '^0x[0-9a-fA-F]{40}$'),
  lock_chain_id bigint,
  lock_price_wei numeric(78, 0) check (lock_price_wei >= 0),
  lock_currency text,
  lock_duration_seconds bigint check (lock_duration_seconds > 0),
  lock_max_keys bigint check (lock_max_keys > 0),
  lock_tx_hash text,
  lock_deployed_at timestamptz,
  unique (namespace, handle),
  check (num_nulls(lock_address, lock_chain_id, lock_price_wei, lock_currency, lock_duration_seconds, lock_max_keys) in (0, 6))
);

create index lens_accounts_lock on lens_accounts (lower(lock_address));

create trigger _500_artist_inserted after insert on artists
  referencing new table as new_rows for each statement execute function tg_subject__inserted('artist');
create trigger _500_artist_deleted after delete on artists
  referencing old table as old_rows for each statement execute function tg_subject__deleted('artist');

-- The stage is derived, as that of tracks.
create function tg_subjects__artist_stage() returns trigger language plpgsql as $$
begin
  update artists set stage = new.milestone, updated_at = now() where id = new.id and stage is distinct from new.milestone;
  return null;
end $$;
create trigger _500_artist_stage after update of milestone on subjects for each row
  when (new.pipeline = 'artist' and new.milestone is distinct from old.milestone)
  execute function tg_subjects__artist_stage();

-- Whose a track is -----------------------------------------------------------------------------------------------------

alter table tracks add column artist_id bigint references artists on delete set null;
create index tracks_artist on tracks (artist_id);

-- The artist with that Spotify id, or else of that name, made when there is none. One that is known by name alone takes the
-- Spotify id that is learned of it. Nobody else decides meanwhile: an artist known by name may be the one of a Spotify id.
create function resolve_artist(of_spotify_id text, of_name text) returns bigint language plpgsql volatile as $$
declare
  key text := artist_name_key(of_name);
  found_id bigint;
begin
  select id into found_id from artists where spotify_artist_id = of_spotify_id;
  if found_id is not null then return found_id; end if;
  if key is null then return null; end if;
  perform pg_advisory_xact_lock(hashtextextended('artists', 0));
  if of_spotify_id is not null then
    select id into found_id from artists where spotify_artist_id = of_spotify_id;
    if found_id is not null then return found_id; end if;
    update artists set spotify_artist_id = of_spotify_id, updated_at = now()
    where name_key = key and spotify_artist_id is null and merged_into is null returning id into found_id;
  else
    select coalesce(merged_into, id) into found_id from artists where name_key = key and spotify_artist_id is null;
    -- A name that several bear says nothing.
    if found_id is null then
      select min(id) into found_id from artists where name_key = key having count(*) = 1;
    end if;
  end if;
  if found_id is null then
    insert into artists (name, spotify_artist_id) values (left(btrim(of_name), 300), of_spotify_id) returning id into found_id;
  end if;
  return found_id;
end $$;

-- Who a track's primary artist is, by id and by name; each null when the track does not say.
create function primary_artist(of_track tracks) returns table (spotify_id text, name text) language sql stable as $$
  select coalesce(nullif(of_track.primary_artist_id, ''), nullif(of_track.artists -> 0 ->> 'id', '')),
    coalesce(nullif(btrim(of_track.primary_artist_name), ''), nullif(btrim(of_track.artists -> 0 ->> 'name'), ''))
$$;

-- Finds or makes the artist of a track, when the transaction commits: whoever waits here holds everything else already, so
-- two that wait for each other's rows cannot both be here.
create function tg_tracks__artist() returns trigger language plpgsql as $$
declare
  track tracks;
  credited record;
  artist bigint;
begin
  select * into track from tracks where id = new.id;
  -- Whoever inserts a track with its artist knows best.
  if track.id is null or tg_op = 'INSERT' and track.artist_id is not null then return null; end if;
  select * into credited from primary_artist(track);
  artist := resolve_artist(credited.spotify_id, credited.name);
  if artist is not distinct from track.artist_id then return null; end if;
  update tracks set artist_id = artist where id = track.id;
  -- The name stood for the artist that is now known by its id, and for nobody else.
  if credited.spotify_id is not null then
    update artists a set merged_into = artist, updated_at = now()
    where a.id = track.artist_id and a.spotify_artist_id is null and a.merged_into is null
      and a.name_key = artist_name_key(credited.name) and not exists (select from tracks t where t.artist_id = a.id);
  end if;
  return null;
end $$;
create constraint trigger _700_artist_inserted after insert on tracks
  deferrable initially deferred for each row execute function tg_tracks__artist();
create constraint trigger _700_artist_changed after update of artists, primary_artist_id, primary_artist_name on tracks
  deferrable initially deferred for each row
  when (row(new.artists, new.primary_artist_id, new.primary_artist_name)
    is distinct from row(old.artists, old.primary_artist_id, old.primary_artist_name))
  execute function tg_tracks__artist();

-- What requires a stage of the track's artist waits for this link.
create function tg_tracks__artist_linked() returns trigger language plpgsql as $$
begin
  if new.artist_id is null then
    delete from subject_links where pipeline = 'track' and subject_id = new.id and to_pipeline = 'artist';
  else
    insert into subject_links (pipeline, subject_id, to_pipeline, to_subject_id) values ('track', new.id, 'artist', new.artist_id)
    on conflict (pipeline, subject_id, to_pipeline) do update set to_subject_id = excluded.to_subject_id
    where subject_links.to_subject_id <> excluded.to_subject_id;
  end if;
  return null;
end $$;
-- Deferred: the trigger that makes the subject of a new track comes after those of its row.
create constraint trigger _800_artist_linked after insert or update of artist_id on tracks
  deferrable initially deferred for each row
  when (new.artist_id is not null) execute function tg_tracks__artist_linked();
create trigger _800_artist_unlinked after update of artist_id on tracks for each row
  when (new.artist_id is null and old.artist_id is not null) execute function tg_tracks__artist_linked();

-- Tracks that are here already.
do $$
declare track tracks;
begin
  for track in select * from tracks order by id loop
    update tracks set artist_id = (select resolve_artist(p.spotify_id, p.name) from primary_artist(track) p)
    where id = track.id;
  end loop;
end $$;

-- Order that is no need --------------------------------------------------------------------------------------------------

-- Whether a stage's task cannot come, because something that it stands on has failed.
create function never_comes(of_pipeline text, of_subject bigint, of_stage text) returns boolean language plpgsql stable as $$
begin
  return exists (
    select from stage_prerequisites p
    left join tasks t on t.pipeline = p.pipeline and t.subject_id = of_subject and t.stage = p.prerequisite
    where p.pipeline = of_pipeline and p.stage = of_stage and not p.is_optional
      and (t.status = 'failed' or t.id is null and never_comes(of_pipeline, of_subject, p.prerequisite)));
end $$;

-- What may fail without holding a stage up may also never come: a lock waits for the entry in the metadata space, but not for
-- one that cannot be written because its contents could not be gathered.
create function tg_tasks__never_coming() returns trigger language plpgsql as $$
begin
  if not exists (select from new_rows n where n.status = 'failed') then return null; end if;
  insert into tasks (pipeline, subject_id, stage, max_attempts)
  select s.pipeline, f.subject_id, s.name, s.max_attempts
  from (
    select distinct n.pipeline, n.subject_id from new_rows n join old_rows o on o.id = n.id
    where n.status = 'failed' and o.status <> 'failed'
  ) f
  join stages s on s.pipeline = f.pipeline and s.each_stage is null
  where exists (select from stage_prerequisites p where p.pipeline = s.pipeline and p.stage = s.name and p.is_optional)
    and not exists (select from stage_requirements r where r.pipeline = s.pipeline and r.stage = s.name)
    and not exists (select from tasks t where t.pipeline = f.pipeline and t.subject_id = f.subject_id and t.stage = s.name)
    and not exists (
      select from stage_prerequisites p
      left join tasks t on t.pipeline = p.pipeline and t.subject_id = f.subject_id and t.stage = p.prerequisite
      where p.pipeline = s.pipeline and p.stage = s.name and case
        when t.id is not null then t.status not in ('completed', 'skipped') and not (p.is_optional and t.status = 'failed')
        else not (p.is_optional and never_comes(p.pipeline, f.subject_id, p.prerequisite)) end);
  return null;
end $$;
create trigger _600_never_coming after update on tasks
  referencing old table as old_rows new table as new_rows for each statement execute function tg_tasks__never_coming();

-- Inserts the task of a stage that somebody asks for by name: it waits for what it needs, and for nothing else. Null when it
-- exists or what it needs has not settled.
create function request_task(of_pipeline text, of_subject bigint, of_stage text) returns bigint language plpgsql volatile as $$
declare made bigint;
begin
  made := ensure_task(of_pipeline, of_subject, of_stage);
  if made is not null then return made; end if;
  insert into tasks (pipeline, subject_id, stage, max_attempts)
  select s.pipeline, of_subject, s.name, s.max_attempts from stages s
  where s.pipeline = of_pipeline and s.name = of_stage and s.each_stage is null
    and exists (select from subjects k where k.pipeline = of_pipeline and k.id = of_subject)
    and not exists (select from tasks t where t.pipeline = of_pipeline and t.subject_id = of_subject and t.stage = of_stage)
    and not exists (
      select from stage_prerequisites p
      left join tasks t on t.pipeline = p.pipeline and t.subject_id = of_subject and t.stage = p.prerequisite
      where p.pipeline = of_pipeline and p.stage = of_stage and not p.is_optional
        and (t.id is null or t.status not in ('completed', 'skipped')))
    and not exists (
      select from stage_requirements r
      left join subject_links l on l.pipeline = r.pipeline and l.subject_id = of_subject and l.to_pipeline = r.required_pipeline
      left join tasks t on t.pipeline = l.to_pipeline and t.subject_id = l.to_subject_id and t.stage = r.required_stage
      where r.pipeline = of_pipeline and r.stage = of_stage and (t.id is null or t.status not in ('completed', 'skipped')))
  returning id into made;
  return made;
end $$;

-- The names operators know ---------------------------------------------------------------------------------------------

create view spotify_artists as
  select a.spotify_artist_id, a.id as artist_id, m.data ->> 'name' as name, m.data -> 'genres' as genres,
    m.data ->> 'imageUrl' as image_url, m.data, m.updated_at
  from artist_metadata m join artists a on a.id = m.artist_id
  where m.source = 'spotify';

-- The task of an artist: raises when there is none in one of these states.
create function artist_task(of_artist bigint, of_type text, in_states text[]) returns bigint language plpgsql volatile as $$
declare task record;
begin
  select id, status into task from tasks where pipeline = 'artist' and subject_id = of_artist and stage = of_type for update;
  if task.id is null then
    raise exception 'artist % has no task %', of_artist, of_type using errcode = 'no_data_found',
      hint = 'create_artist_task adds it when its prerequisites have settled';
  end if;
  if task.status <> all (in_states) then
    raise exception 'the task % of artist % is %, expected %', of_type, of_artist, task.status, array_to_string(in_states, ' or ')
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  return task.id;
end $$;

-- Queues a new task, or sends a failed or canceled one back to pending; leaves any other alone. Returns its id.
create function create_artist_task(of_artist bigint, of_type text) returns bigint language plpgsql volatile as $$
declare task_id bigint;
begin
  if not exists (select from stages where pipeline = 'artist' and name = of_type) then
    raise exception 'there is no artist task %, only %', of_type,
      (select string_agg(name, ', ' order by position) from stages where pipeline = 'artist')
      using errcode = 'invalid_parameter_value';
  end if;
  -- Held until the end: of two at once the second finds the task of the first.
  perform from subjects where pipeline = 'artist' and id = of_artist for no key update;
  if not found then raise exception 'there is no artist %', of_artist using errcode = 'no_data_found'; end if;
  update tasks set status = 'pending'
  where pipeline = 'artist' and subject_id = of_artist and stage = of_type and status in ('failed', 'canceled')
  returning id into task_id;
  if task_id is null then
    select id into task_id from tasks where pipeline = 'artist' and subject_id = of_artist and stage = of_type;
  end if;
  if task_id is null then task_id := request_task('artist', of_artist, of_type); end if;
  if task_id is null then
    raise exception '% of artist % cannot run yet: %', of_type, of_artist,
      (select w.reason from waiting_reasons('artist', of_artist) w where w.stage = of_type)
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  return task_id;
end $$;

-- For work done by hand. The attempt counts from here; no worker takes what a person has begun.
create function start_artist_task(of_artist bigint, of_type text) returns bigint language sql volatile as $$
  update tasks set status = 'running', attempts = attempts + 1, runs = runs + 1, progress = 0, worker_id = null,
    started_at = clock_timestamp(), settled_at = null, next_retry_at = null
  where id = (select artist_task(of_artist, of_type, '{pending}')) returning id
$$;

create function complete_artist_task(of_artist bigint, of_type text, result jsonb default null) returns bigint language sql volatile as $$
  update tasks set status = 'completed', output = result, progress = 1, error_message = null, error_details = null,
    next_retry_at = null, worker_id = null, settled_at = clock_timestamp()
  where id = (select artist_task(of_artist, of_type, '{pending,running,failed}')) returning id
$$;

-- An attempt that nobody started counts too.
create function fail_artist_task(of_artist bigint, of_type text, message text) returns bigint language sql volatile as $$
  update tasks set attempts = attempts + (status = 'pending')::int, status = 'failed', error_message = message,
    next_retry_at = null, worker_id = null, settled_at = clock_timestamp()
  where id = (select artist_task(of_artist, of_type, '{pending,running}')) returning id
$$;

create function skip_artist_task(of_artist bigint, of_type text, why text) returns bigint language sql volatile as $$
  update tasks set status = 'skipped', reason = why, worker_id = null, next_retry_at = null, settled_at = clock_timestamp()
  where id = (select artist_task(of_artist, of_type, '{pending,running,failed}')) returning id
$$;

-- Artists whose task was never attempted, or has failed with attempts left.
create function find_artists_for_task(of_type text, at_most int default null) returns setof artists language sql stable as $$
  select a.* from artists a
  left join tasks t on t.pipeline = 'artist' and t.subject_id = a.id and t.stage = of_type
  where a.merged_into is null
    and (t.id is null or t.status = 'pending' and t.attempts = 0 or t.status = 'failed' and t.attempts < t.max_attempts)
  order by a.id limit at_most
$$;

create function find_artists_ready_for_lens(at_most int default null) returns setof artists language sql stable as $$
  select a.* from artists a
  where exists (select from pkp_accounts p where p.artist_id = a.id)
    and not exists (select from lens_accounts l where l.artist_id = a.id)
  order by a.id limit at_most
$$;

create function find_artists_ready_for_unlock(at_most int default null) returns setof artists language sql stable as $$
  select a.* from artists a
  where exists (select from lens_accounts l where l.artist_id = a.id and l.lock_address is null)
  order by a.id limit at_most
$$;
