-- Counts requests to encrypt anew with a fresh key: part of the name of what is encrypted.
alter table karaoke_segments add column encryption_generation int not null default 0;

-- Where the events of a clip are on chain.
create table published_clips (
  track_id bigint not null,
  segment_index int not null,
  -- The track's id in the catalog: that of the outside catalogue when it had one at the time, and it stays.
  catalog_id text not null,
  clip_hash text not null unique check (clip_hash ~ '^0x[0-9a-f]{64}$'),
  chain_id bigint not null,
  registered_tx text not null,
  registered_block bigint not null,
  processed_tx text not null,
  processed_block bigint not null,
  primary key (track_id, segment_index),
  foreign key (track_id, segment_index) references karaoke_segments on delete cascade
);

-- How the full song of a clip is encrypted, for whom, and the proof that it opens for holders of a key only.
create table encryptions (
  track_id bigint not null,
  segment_index int not null,
  key_id text not null unique,
  network text not null,
  content_sha256 text not null,
  ciphertext_sha256 text not null,
  ciphertext_uri text not null,
  manifest_sha256 text not null,
  manifest_uri text not null,
  lock_address text not null check (lock_address ~ '^0x[0-9a-fA-F]{40}$'),
  lock_chain_id bigint not null,
  conditions jsonb not null,
  conditions_hash text not null,
  chain_id bigint not null,
  encrypted_tx text not null,
  encrypted_block bigint not null,
  encrypted_at timestamptz not null default now(),
  proof jsonb,
  proved_at timestamptz,
  primary key (track_id, segment_index),
  foreign key (track_id, segment_index) references karaoke_segments on delete cascade
);

-- Entries in the metadata space are no work on the audio.
create or replace view audio_tasks as
  select id, pipeline as subject_type, subject_id, stage as task_type, item, status, attempts, max_attempts, next_retry_at,
    progress, output as result, error_message, error_details, reason, metadata, worker_id, created_at, started_at, settled_at
  from tasks
  where pipeline in ('track', 'tiktok_video') and not (pipeline = 'track' and stage in ('sources', 'enrich', 'populate_work', 'mint_work'));

create or replace view audio_progress as
  select k.id as track_id, k.title, k.stage,
    count(t.id) filter (where t.status = 'pending') as pending,
    count(t.id) filter (where t.status = 'running') as running,
    count(t.id) filter (where t.status = 'completed') as completed,
    count(t.id) filter (where t.status = 'failed') as failed,
    count(t.id) filter (where t.status = 'skipped') as skipped,
    count(t.id) filter (where t.status = 'awaiting_review') as awaiting_review,
    count(t.id) filter (where t.status = 'canceled') as canceled,
    (select count(*) from stages s where s.pipeline = 'track' and s.name not in ('sources', 'enrich', 'populate_work', 'mint_work')
      and not exists (select from tasks x where x.pipeline = 'track' and x.subject_id = k.id and x.stage = s.name)) as not_started
  from tracks k
  left join tasks t on t.pipeline = 'track' and t.subject_id = k.id and t.stage not in ('sources', 'enrich', 'populate_work', 'mint_work')
  group by k.id;
