-- Videos behind which songs are found. A track may name the video it came from.
create table tiktok_videos (
  video_id text primary key check (video_id ~ '^[0-9]{1,25}$'),
  creator_username text not null check (creator_username <> ''),
  description text,
  duration_ms int check (duration_ms >= 0),
  video_url text,
  thumbnail_url text,
  -- Where video and thumbnail are stored.
  grove_video_cid text,
  grove_video_url text,
  grove_thumbnail_cid text,
  grove_thumbnail_url text,
  -- What TikTok says of the song: its ids in the catalogues.
  tt2dsp jsonb check (jsonb_typeof(tt2dsp) = 'object'),
  spotify_track_id text,
  -- How the Spotify id was found: by TikTok's own link, by a search, by a person.
  spotify_track_id_source text check (spotify_track_id_source in ('tt2dsp', 'search', 'manual')),
  created_at timestamptz not null default now(),
  check ((spotify_track_id is null) = (spotify_track_id_source is null))
);
create index tiktok_videos_spotify on tiktok_videos (spotify_track_id) where spotify_track_id is not null;
create index tiktok_videos_creator on tiktok_videos (creator_username, created_at);
