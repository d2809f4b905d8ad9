-- Files ------------------------------------------------------------------------------------------------------------------

-- Immutable files in the content-addressed store; the row exists once a task or an upload owns the file.
create table artifacts (
  sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
  size_bytes bigint not null check (size_bytes >= 0),
  content_type text not null,
  created_at timestamptz not null default now()
);

-- Every place an artifact is kept, with its address there.
create table artifact_locations (
  sha256 text not null references artifacts on delete cascade,
  provider text not null,
  external_id text not null,
  url text not null,
  stored_at timestamptz not null default now(),
  primary key (sha256, provider)
);

-- Which task made which file, under which name.
create table task_artifacts (
  task_id bigint not null references tasks on delete cascade,
  name text not null,
  sha256 text not null references artifacts on delete restrict,
  primary key (task_id, name)
);
create index on task_artifacts (sha256);

create table uploads (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  content_type text not null,
  -- What the client announced; checked when the last byte has come.
  size_bytes bigint not null check (size_bytes > 0),
  expected_sha256 text check (expected_sha256 ~ '^[0-9a-f]{64}$'),
  token_sha256 text not null,
  received_bytes bigint not null default 0,
  sha256 text references artifacts on delete restrict,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '1 day'
);

-- Tracks -----------------------------------------------------------------------------------------------------------------

create table tracks (
  id bigint generated always as identity primary key,
  stage text not null default 'pending'
    check (stage in ('pending', 'audio_ready', 'aligned', 'translated', 'separated', 'segmented', 'enhanced', 'ready')),
  title text not null check (title <> ''),
  artists jsonb not null default '[]' check (jsonb_typeof(artists) = 'array'),
  album text,
  release_date text,
  duration_ms int check (duration_ms >= 0),
  isrc text,
  spotify_track_id text unique,
  primary_artist_id text,
  primary_artist_name text,
  language text not null default 'en',
  source_type text not null check (source_type in ('upload', 'path', 'url', 'manual_spotify', 'tiktok')),
  -- Where the audio comes from: {"kind": "upload", "sha256"} | {"kind": "path", "path"} | {"kind": "url", "url"}; null when the catalogue decides.
  source jsonb,
  tiktok_video_id text,
  -- Who submitted it, when, with which notes.
  metadata jsonb not null default '{}',
  -- Overrides of the configured style of screens and lyrics.
  style jsonb not null default '{}',
  -- Called each time the track comes to rest; see webhook_deliveries.
  callback_url text,
  -- The same key again is the same track.
  idempotency_key text unique,
  error_message text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index idx_tracks_tiktok_not_null on tracks (tiktok_video_id) where tiktok_video_id is not null;
create index idx_tracks_source_type on tracks (source_type);
create index idx_tracks_manual_stage on tracks (stage) where source_type = 'manual_spotify';
create index tracks_stage on tracks (stage, id);

-- What each source of metadata knows of a track.
create table track_metadata (
  track_id bigint not null references tracks on delete cascade,
  source text not null,
  data jsonb not null check (jsonb_typeof(data) = 'object'),
  updated_at timestamptz not null default now(),
  primary key (track_id, source)
);

create table lyrics (
  track_id bigint primary key references tracks on delete cascade,
  raw text not null,
  source text not null,
  -- Cleaned by the normalize stage; translate refuses to run without it.
  normalized_lyrics text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table song_audio (
  track_id bigint primary key references tracks on delete cascade,
  source_url text,
  source_cid text not null references artifacts on delete restrict,
  audio_cid text not null references artifacts on delete restrict,
  format text not null,
  codec text not null,
  duration_ms int not null check (duration_ms > 0),
  sample_rate_hz int not null,
  channels int not null,
  bit_rate int,
  loudness_lufs real,
  true_peak_dbtp real,
  instrumental_cid text references artifacts on delete restrict,
  vocals_cid text references artifacts on delete restrict,
  separation_method text,
  enhanced_cid text references artifacts on delete restrict,
  updated_at timestamptz not null default now()
);

-- Words and lines in milliseconds from the start of the song.
create table word_alignments (
  track_id bigint primary key references tracks on delete cascade,
  language text not null,
  method text not null,
  confidence real,
  word_count int not null,
  lines jsonb not null check (jsonb_typeof(lines) = 'array'),
  updated_at timestamptz not null default now()
);

create table lyrics_translations (
  track_id bigint not null references tracks on delete cascade,
  language text not null,
  lines jsonb not null check (jsonb_typeof(lines) = 'array'),
  method text not null,
  updated_at timestamptz not null default now(),
  primary key (track_id, language)
);

create table karaoke_segments (
  track_id bigint not null references tracks on delete cascade,
  segment_index int not null default 0,
  start_ms int not null check (start_ms >= 0),
  end_ms int not null,
  metadata jsonb not null default '{}',
  fal_enhanced_grove_cid text,
  fal_enhanced_grove_url text,
  clip_cid text,
  clip_url text,
  encrypted_full_cid text,
  encrypted_full_url text,
  encryption_accs jsonb,
  encryption_manifest_url text,
  updated_at timestamptz not null default now(),
  primary key (track_id, segment_index),
  constraint karaoke_segments_40_to_100_seconds check (end_ms - start_ms between 40000 and 100000)
);

-- One row per sung line, the unit of spaced repetition.
create table karaoke_lines (
  track_id bigint not null references tracks on delete cascade,
  line_index int not null check (line_index >= 0),
  text text not null,
  start_ms int not null,
  end_ms int not null,
  words jsonb not null check (jsonb_typeof(words) = 'array'),
  primary key (track_id, line_index),
  check (start_ms <= end_ms)
);

-- The stage is derived -----------------------------------------------------------------------------------------------------

create function tg_subjects__track_stage() returns trigger language plpgsql as $$
begin
  update tracks set stage = new.milestone, updated_at = now() where id = new.id and stage is distinct from new.milestone;
  return null;
end $$;
create trigger _500_track_stage after update of milestone on subjects for each row
  when (new.pipeline = 'track' and new.milestone is distinct from old.milestone)
  execute function tg_subjects__track_stage();

-- Whatever moves a track's stage: a ready task that is missing is inserted, so that the backlog shows at once.
create function populate_audio_tasks() returns trigger language plpgsql as $$
begin
  -- A re-run lets the stage fall before it restarts the task that stands below: nothing is missing then.
  if coalesce(current_setting('engine.undoing', true), '') = 'on' then return null; end if;
  perform ensure_task('track', new.id, m.stage) from missing_tasks m where m.pipeline = 'track' and m.subject_id = new.id;
  return null;
end $$;
create trigger _600_populate_audio_tasks after update of stage on tracks for each row
  when (new.stage is distinct from old.stage)
  execute function populate_audio_tasks();

create trigger _500_track_inserted after insert on tracks
  referencing new table as new_rows for each statement execute function tg_subject__inserted('track');
create trigger _500_track_deleted after delete on tracks
  referencing old table as old_rows for each statement execute function tg_subject__deleted('track');

-- The names operators know -------------------------------------------------------------------------------------------------

create view audio_tasks as
  select id, pipeline as subject_type, subject_id, stage as task_type, item, status, attempts, max_attempts, next_retry_at,
    progress, output as result, error_message, error_details, reason, metadata, worker_id, created_at, started_at, settled_at
  from tasks
  where pipeline in ('track', 'tiktok_video') and not (pipeline = 'track' and stage in ('sources', 'enrich'));

-- One row for each source that is asked about a track. The marker that stands for no sources at all is not one.
create view enrichment_tasks as
  select id, pipeline as subject_type, subject_id, item as task_type, status, attempts, max_attempts, next_retry_at,
    progress, output as result, error_message, error_details, reason, metadata, worker_id, created_at, started_at, settled_at
  from tasks where pipeline = 'track' and stage = 'enrich' and item <> '';

create view artist_tasks as
  select id, subject_id as artist_id, stage as task_type,
    case status when 'running' then 'in_progress' else status end as status,
    attempts as retry_count, max_attempts as max_retries, next_retry_at, output as result_data,
    error_message, error_details, reason, metadata, created_at, started_at, settled_at
  from tasks where pipeline = 'artist';

-- in_progress is a word of this view only, so writing through it needs a translation.
create function tg_artist_tasks__updated() returns trigger language plpgsql as $$
begin
  update tasks set status = case new.status when 'in_progress' then 'running' else new.status end,
    attempts = new.retry_count, max_attempts = new.max_retries, next_retry_at = new.next_retry_at,
    error_message = new.error_message, metadata = new.metadata
  where id = old.id;
  return new;
end $$;
create trigger _500_updated instead of update on artist_tasks for each row execute function tg_artist_tasks__updated();

-- Work on the audio only: what outside sources know of a track has no part in it.
create view audio_progress as
  select k.id as track_id, k.title, k.stage,
    count(t.id) filter (where t.status = 'pending') as pending,
    count(t.id) filter (where t.status = 'running') as running,
    count(t.id) filter (where t.status = 'completed') as completed,
    count(t.id) filter (where t.status = 'failed') as failed,
    count(t.id) filter (where t.status = 'skipped') as skipped,
    count(t.id) filter (where t.status = 'awaiting_review') as awaiting_review,
    count(t.id) filter (where t.status = 'canceled') as canceled,
    (select count(*) from stages s where s.pipeline = 'track' and s.name not in ('sources', 'enrich')
      and not exists (select from tasks x where x.pipeline = 'track' and x.subject_id = k.id and x.stage = s.name)) as not_started
  from tracks k
  left join tasks t on t.pipeline = 'track' and t.subject_id = k.id and t.stage not in ('sources', 'enrich')
  group by k.id;

-- Tracks whose next stage is each stage, from the graph; agrees with the pending and unsettled task rows at any time.
create view tracks_waiting_by_stage as
  select t.stage as task_type, count(distinct t.subject_id) as tracks
  from tasks t where t.pipeline = 'track' and t.status in ('pending', 'running', 'awaiting_review')
  group by 1
  union all
  select m.stage, count(*) from missing_tasks m where m.pipeline = 'track' group by 1;

-- Callbacks: whoever asked for work is told when it comes to rest ----------------------------------------------------------

-- Every subject with a callback. A pipeline whose subjects have one gets its line here.
create view callbacks as
  select 'track' as pipeline, id as subject_id, callback_url as url from tracks where callback_url is not null;
create index tracks_callback on tracks (id) where callback_url is not null;

create table webhook_deliveries (
  -- Told to the receiver, who may see one delivery twice.
  id uuid primary key default gen_random_uuid(),
  pipeline text not null,
  subject_id bigint not null,
  -- The subject's counter when it came to rest: one delivery for each time, whoever notices it.
  event_seq bigint not null,
  url text not null,
  -- json, not jsonb: every attempt sends the same bytes.
  body json not null,
  status text not null default 'pending' check (status in ('pending', 'delivered', 'failed')),
  -- Attempts that ended; one cut off by the end of its worker is repeated and does not count.
  attempts int not null default 0,
  -- While an attempt runs: when another worker may take it for dead.
  next_attempt_at timestamptz not null default now(),
  error_message text,
  created_at timestamptz not null default now(),
  delivered_at timestamptz,
  unique (pipeline, subject_id, event_seq),
  foreign key (pipeline, subject_id) references subjects on delete cascade
);
create index webhook_deliveries_due on webhook_deliveries (next_attempt_at) where status = 'pending';

-- Writes deliveries for subjects with a callback that are at rest and have not been told so, at most so many: nothing pending
-- or running, at least one task. Returns how many. One statement, so that the tasks it reads are those of the counter it reads.
-- A plan kept from when the tables were empty would read them whole for each subject, so it is made anew each time.
create function record_deliveries(at_most int) returns int language sql volatile set plan_cache_mode = 'force_custom_plan' as $$
  with moved as materialized (
    select c.pipeline, c.subject_id, c.url, s.event_seq, s.milestone
    from callbacks c
    join subjects s on s.pipeline = c.pipeline and s.id = c.subject_id
    where not exists (
      select from webhook_deliveries d
      where d.pipeline = s.pipeline and d.subject_id = s.id and d.event_seq = s.event_seq)
  ), resting as materialized (
    select m.*, gen_random_uuid() as delivery_id, r.kind
    from moved m
    cross join lateral (
      select bool_or(t.status in ('pending', 'running')) as is_working,
        case when bool_or(t.status = 'awaiting_review') then 'review_needed'
          when bool_or(t.status in ('failed', 'canceled')) then 'failed' else 'finished' end as kind
      from tasks t where t.pipeline = m.pipeline and t.subject_id = m.subject_id
    ) r
    -- Null without a task.
    where not r.is_working
    -- In one order, or two workers that record the same subjects wait for each other.
    order by m.pipeline, m.subject_id limit at_most
  ), recorded as (
    insert into webhook_deliveries (id, pipeline, subject_id, event_seq, url, body)
    select r.delivery_id, r.pipeline, r.subject_id, r.event_seq, r.url, json_build_object(
      'kind', r.kind,
      'pipeline', r.pipeline,
      'subjectId', replace(initcap(r.pipeline), '_', '') || ':' || r.subject_id,
      'milestone', r.milestone,
      'tasks', (
        select json_agg(json_build_object('type', t.stage, 'item', t.item, 'status', t.status,
          'errorMessage', t.error_message, 'reason', t.reason) order by t.id)
        from tasks t where t.pipeline = r.pipeline and t.subject_id = r.subject_id),
      'at', to_char(coalesce(e.at, now()) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'deliveryId', r.delivery_id)
    from resting r
    left join task_events e on e.pipeline = r.pipeline and e.subject_id = r.subject_id and e.seq = r.event_seq
    order by r.pipeline, r.subject_id
    on conflict (pipeline, subject_id, event_seq) do nothing
    returning 1
  )
  select count(*)::int from recorded
$$;

-- Hands over deliveries that are due, at most so many, each to one worker until the lease ends.
create function claim_deliveries(at_most int, lease interval)
returns table (id uuid, pipeline text, subject_id bigint, url text, body json, attempts int)
language sql volatile set plan_cache_mode = 'force_custom_plan' as $$
  with due as materialized (
    select d.id from webhook_deliveries d
    where d.status = 'pending' and d.next_attempt_at <= now()
    order by d.next_attempt_at limit at_most for update skip locked
  )
  update webhook_deliveries d set next_attempt_at = clock_timestamp() + lease
  from due where d.id = due.id
  returning d.id, d.pipeline, d.subject_id, d.url, d.body, d.attempts
$$;
