-- A file may lie in the storage of what is on its way and in the archive of what stays, with the same provider for both.
alter table artifact_locations add column role text not null default 'storage' check (role in ('storage', 'archive'));
alter table artifact_locations drop constraint artifact_locations_pkey, add primary key (sha256, provider, role);

-- What of a track is public, under which name. Deliverables belong into the archive.
create table published_files (
  track_id bigint not null references tracks on delete cascade,
  kind text not null check (kind in ('clip', 'timing', 'metadata', 'ciphertext', 'manifest', 'source', 'instrumental', 'vocals')),
  sha256 text not null references artifacts on delete restrict,
  is_deliverable boolean not null,
  published_at timestamptz not null default now(),
  primary key (track_id, kind)
);
create index on published_files (sha256);

-- Every published file with both its addresses; readers take the first that is there.
create view published_addresses as
  select p.track_id, p.kind, p.sha256, p.is_deliverable, p.published_at,
    archived.provider as archive_provider, archived.external_id as archive_id, archived.url as archive_url,
    stored.provider as storage_provider, stored.external_id as storage_id, stored.url as storage_url
  from published_files p
  left join lateral (
    select * from artifact_locations l where l.sha256 = p.sha256 and l.role = 'archive' order by l.stored_at desc limit 1
  ) archived on true
  left join lateral (
    select * from artifact_locations l where l.sha256 = p.sha256 and l.role = 'storage' order by l.stored_at desc limit 1
  ) stored on true;

-- What breaks the rule that a deliverable is never only where things go again.
create view storage_violations as
  select track_id, kind, sha256, published_at,
    case when storage_url is null then 'it is published and stored nowhere'
      else format('it is a deliverable and lies only with %s', storage_provider) end as reason
  from published_addresses where is_deliverable and archive_url is null;
