import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  real,
  smallint,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import type { TimedLine, TimedWord } from '../media/lyrics.ts'

const id = () => bigint({ mode: 'number' })
const instant = (name: string) => timestamp(name, { withTimezone: true })

export type TaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'skipped' | 'awaiting_review' | 'canceled'

export const stages = pgTable(
  'stages',
  {
    pipeline: text().notNull(),
    name: text().notNull(),
    position: integer().notNull(),
    description: text().notNull(),
    isGate: boolean('is_gate').notNull(),
    queue: text().notNull(),
    weight: real().notNull(),
    milestone: text(),
    milestoneRank: integer('milestone_rank'),
  },
  (table) => [primaryKey({ columns: [table.pipeline, table.name] })],
)

export const subjects = pgTable(
  'subjects',
  {
    pipeline: text().notNull(),
    id: id().notNull(),
    eventSeq: bigint('event_seq', { mode: 'number' }).notNull().default(0),
    milestone: text().notNull().default('pending'),
    budgetUsdMicros: bigint('budget_usd_micros', { mode: 'number' }),
  },
  (table) => [primaryKey({ columns: [table.pipeline, table.id] })],
)

export const tasks = pgTable('tasks', {
  id: id().primaryKey().generatedAlwaysAsIdentity(),
  pipeline: text().notNull(),
  subjectId: bigint('subject_id', { mode: 'number' }).notNull(),
  stage: text().notNull(),
  item: text().notNull().default(''),
  status: text().$type<TaskStatus>().notNull().default('pending'),
  attempts: smallint().notNull().default(0),
  maxAttempts: smallint('max_attempts').notNull().default(3),
  runs: integer().notNull().default(0),
  nextRetryAt: instant('next_retry_at'),
  progress: real().notNull().default(0),
  output: jsonb().$type<unknown>(),
  errorMessage: text('error_message'),
  errorDetails: jsonb('error_details').$type<Record<string, unknown>>(),
  reason: text(),
  metadata: jsonb().$type<Record<string, unknown>>().notNull().default({}),
  workerId: text('worker_id'),
  createdAt: instant('created_at').notNull().defaultNow(),
  startedAt: instant('started_at'),
  settledAt: instant('settled_at'),
})

export const taskEvents = pgTable(
  'task_events',
  {
    pipeline: text().notNull(),
    subjectId: bigint('subject_id', { mode: 'number' }).notNull(),
    seq: bigint({ mode: 'number' }).notNull(),
    taskId: bigint('task_id', { mode: 'number' }),
    stage: text(),
    item: text(),
    status: text().$type<TaskStatus | 'removed'>(),
    attempts: smallint(),
    progress: real(),
    milestone: text(),
    at: instant('at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.pipeline, table.subjectId, table.seq] })],
)

export const workers = pgTable('workers', {
  id: text().primaryKey(),
  pools: text().array().notNull().default([]),
  host: text().notNull().default(''),
  pid: integer(),
  queues: text().array().notNull().default([]),
  startedAt: instant('started_at').notNull().defaultNow(),
})

export const artifacts = pgTable('artifacts', {
  sha256: text().primaryKey(),
  sizeBytes: bigint('size_bytes', { mode: 'number' }).notNull(),
  contentType: text('content_type').notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
})

export const artifactLocations = pgTable(
  'artifact_locations',
  {
    sha256: text().notNull(),
    provider: text().notNull(),
    externalId: text('external_id').notNull(),
    url: text().notNull(),
    role: text().$type<'storage' | 'archive'>().notNull(),
    storedAt: instant('stored_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.sha256, table.provider, table.role] })],
)

export const publishedFiles = pgTable(
  'published_files',
  {
    trackId: bigint('track_id', { mode: 'number' }).notNull(),
    kind: text().notNull(),
    sha256: text().notNull(),
    isDeliverable: boolean('is_deliverable').notNull(),
    publishedAt: instant('published_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.trackId, table.kind] })],
)

export const taskArtifacts = pgTable(
  'task_artifacts',
  { taskId: bigint('task_id', { mode: 'number' }).notNull(), name: text().notNull(), sha256: text().notNull() },
  (table) => [primaryKey({ columns: [table.taskId, table.name] })],
)

export const uploads = pgTable('uploads', {
  id: uuid().primaryKey().defaultRandom(),
  name: text().notNull(),
  contentType: text('content_type').notNull(),
  sizeBytes: bigint('size_bytes', { mode: 'number' }).notNull(),
  expectedSha256: text('expected_sha256'),
  tokenSha256: text('token_sha256').notNull(),
  receivedBytes: bigint('received_bytes', { mode: 'number' }).notNull().default(0),
  sha256: text(),
  createdAt: instant('created_at').notNull().defaultNow(),
  expiresAt: instant('expires_at').notNull().default(sql`now() + interval '1 day'`),
})

/** Where a track's audio comes from. */
export type TrackSource =
  | { readonly kind: 'upload'; readonly sha256: string; readonly name: string }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'url'; readonly url: string }

export const tracks = pgTable('tracks', {
  id: id().primaryKey().generatedAlwaysAsIdentity(),
  stage: text().notNull().default('pending'),
  title: text().notNull(),
  artists: jsonb().$type<readonly { readonly id?: string; readonly name: string }[]>().notNull().default([]),
  album: text(),
  releaseDate: text('release_date'),
  durationMs: integer('duration_ms'),
  isrc: text(),
  spotifyTrackId: text('spotify_track_id'),
  primaryArtistId: text('primary_artist_id'),
  primaryArtistName: text('primary_artist_name'),
  artistId: bigint('artist_id', { mode: 'number' }),
  language: text().notNull().default('en'),
  sourceType: text('source_type').$type<'upload' | 'path' | 'url' | 'manual_spotify' | 'tiktok'>().notNull(),
  source: jsonb().$type<TrackSource>(),
  tiktokVideoId: text('tiktok_video_id'),
  metadata: jsonb().$type<Record<string, unknown>>().notNull().default({}),
  style: jsonb().$type<Record<string, unknown>>().notNull().default({}),
  callbackUrl: text('callback_url'),
  idempotencyKey: text('idempotency_key'),
  errorMessage: text('error_message'),
  createdAt: instant('created_at').notNull().defaultNow(),
  updatedAt: instant('updated_at').notNull().defaultNow(),
})

/** What a source of metadata knows of a track. */
export const trackMetadata = pgTable(
  'track_metadata',
  {
    trackId: bigint('track_id', { mode: 'number' }).notNull(),
    source: text().notNull(),
    data: jsonb().$type<Readonly<Record<string, unknown>>>().notNull(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.trackId, table.source] })],
)

export const lyrics = pgTable('lyrics', {
  trackId: bigint('track_id', { mode: 'number' }).primaryKey(),
  raw: text().notNull(),
  source: text().notNull(),
  normalizedLyrics: text('normalized_lyrics'),
  createdAt: instant('created_at').notNull().defaultNow(),
  updatedAt: instant('updated_at').notNull().defaultNow(),
})

export const songAudio = pgTable('song_audio', {
  trackId: bigint('track_id', { mode: 'number' }).primaryKey(),
  sourceUrl: text('source_url'),
  sourceCid: text('source_cid').notNull(),
  audioCid: text('audio_cid').notNull(),
  format: text().notNull(),
  codec: text().notNull(),
  durationMs: integer('duration_ms').notNull(),
  sampleRateHz: integer('sample_rate_hz').notNull(),
  channels: integer().notNull(),
  bitRate: integer('bit_rate'),
  loudnessLufs: real('loudness_lufs'),
  truePeakDbtp: real('true_peak_dbtp'),
  instrumentalCid: text('instrumental_cid'),
  vocalsCid: text('vocals_cid'),
  separationMethod: text('separation_method'),
  enhancedCid: text('enhanced_cid'),
  updatedAt: instant('updated_at').notNull().defaultNow(),
})

export const wordAlignments = pgTable('word_alignments', {
  trackId: bigint('track_id', { mode: 'number' }).primaryKey(),
  language: text().notNull(),
  method: text().notNull(),
  confidence: real(),
  wordCount: integer('word_count').notNull(),
  lines: jsonb().$type<readonly TimedLine[]>().notNull(),
  updatedAt: instant('updated_at').notNull().defaultNow(),
})

export const lyricsTranslations = pgTable(
  'lyrics_translations',
  {
    trackId: bigint('track_id', { mode: 'number' }).notNull(),
    language: text().notNull(),
    lines: jsonb().$type<readonly string[]>().notNull(),
    method: text().notNull(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.trackId, table.language] })],
)

export const karaokeSegments = pgTable(
  'karaoke_segments',
  {
    trackId: bigint('track_id', { mode: 'number' }).notNull(),
    segmentIndex: integer('segment_index').notNull().default(0),
    startMs: integer('start_ms').notNull(),
    endMs: integer('end_ms').notNull(),
    metadata: jsonb().$type<Record<string, unknown>>().notNull().default({}),
    enhancedCid: text('fal_enhanced_grove_cid'),
    enhancedUrl: text('fal_enhanced_grove_url'),
    clipCid: text('clip_cid'),
    clipUrl: text('clip_url'),
    encryptedFullCid: text('encrypted_full_cid'),
    encryptedFullUrl: text('encrypted_full_url'),
    encryptionAccs: jsonb('encryption_accs').$type<unknown>(),
    encryptionManifestUrl: text('encryption_manifest_url'),
    encryptionGeneration: integer('encryption_generation').notNull().default(0),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.trackId, table.segmentIndex] })],
)

export const karaokeLines = pgTable(
  'karaoke_lines',
  {
    trackId: bigint('track_id', { mode: 'number' }).notNull(),
    lineIndex: integer('line_index').notNull(),
    text: text().notNull(),
    startMs: integer('start_ms').notNull(),
    endMs: integer('end_ms').notNull(),
    words: jsonb().$type<readonly TimedWord[]>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.trackId, table.lineIndex] })],
)
