import { type InferSelectModel, sql } from 'drizzle-orm'
import { type artistMetadata, artists, lensAccounts, pkpAccounts } from '../worker/db/artist-tables.ts'
import {
  type karaokeLines,
  karaokeSegments,
  type lyrics,
  type lyricsTranslations,
  type songAudio,
  tasks,
  type trackMetadata,
  tracks,
  wordAlignments,
} from '../worker/db/tables.ts'

/** What a track's fields read. What may be secret is left out: a path on the server, the callback's address. */
export const trackColumns = {
  id: tracks.id,
  stage: tracks.stage,
  title: tracks.title,
  artists: tracks.artists,
  album: tracks.album,
  releaseDate: tracks.releaseDate,
  durationMs: tracks.durationMs,
  isrc: tracks.isrc,
  spotifyTrackId: tracks.spotifyTrackId,
  language: tracks.language,
  sourceType: tracks.sourceType,
  tiktokVideoId: tracks.tiktokVideoId,
  metadata: tracks.metadata,
  style: tracks.style,
  hasCallback: sql<boolean>`${tracks.callbackUrl} is not null`,
  errorMessage: tracks.errorMessage,
  artistId: tracks.artistId,
  createdAt: tracks.createdAt,
  updatedAt: tracks.updatedAt,
}

/** What an artist's fields read, with what belongs to it on chain. Keys are kept elsewhere. */
export const artistColumns = {
  id: artists.id,
  stage: artists.stage,
  name: artists.name,
  spotifyArtistId: artists.spotifyArtistId,
  geniusArtistId: artists.geniusArtistId,
  wikidataId: artists.wikidataId,
  musicbrainzArtistId: artists.musicbrainzArtistId,
  isni: artists.isni,
  imageUrl: artists.imageUrl,
  genres: artists.genres,
  aliases: artists.aliases,
  mergedInto: artists.mergedInto,
  createdAt: artists.createdAt,
  updatedAt: artists.updatedAt,
  wallet: {
    address: pkpAccounts.address,
    tokenId: pkpAccounts.tokenId,
    owner: pkpAccounts.owner,
    txHash: pkpAccounts.txHash,
    network: pkpAccounts.network,
    provider: pkpAccounts.provider,
    mintedAt: pkpAccounts.mintedAt,
  },
  account: {
    handle: lensAccounts.handle,
    address: lensAccounts.accountAddress,
    owner: lensAccounts.owner,
    namespace: lensAccounts.namespace,
    provider: lensAccounts.provider,
    txHash: lensAccounts.txHash,
    metadataUri: lensAccounts.metadataUri,
    takenHandles: lensAccounts.takenHandles,
    createdAt: lensAccounts.createdAt,
  },
  lock: {
    address: lensAccounts.lockAddress,
    chainId: lensAccounts.lockChainId,
    priceWei: lensAccounts.lockPriceWei,
    currency: lensAccounts.lockCurrency,
    durationSeconds: lensAccounts.lockDurationSeconds,
    maxKeys: lensAccounts.lockMaxKeys,
    txHash: lensAccounts.lockTxHash,
    deployedAt: lensAccounts.lockDeployedAt,
  },
}

/** What a task's fields read; `output` is large and has a loader of its own. */
export const taskColumns = {
  id: tasks.id,
  pipeline: tasks.pipeline,
  subjectId: tasks.subjectId,
  stage: tasks.stage,
  item: tasks.item,
  status: tasks.status,
  attempts: tasks.attempts,
  maxAttempts: tasks.maxAttempts,
  nextRetryAt: tasks.nextRetryAt,
  progress: tasks.progress,
  errorMessage: tasks.errorMessage,
  errorDetails: tasks.errorDetails,
  reason: tasks.reason,
  metadata: tasks.metadata,
  workerId: tasks.workerId,
  createdAt: tasks.createdAt,
  startedAt: tasks.startedAt,
  settledAt: tasks.settledAt,
}

/** What an alignment's fields read; `lines` has a loader of its own. */
export const alignmentColumns = {
  trackId: wordAlignments.trackId,
  language: wordAlignments.language,
  method: wordAlignments.method,
  confidence: wordAlignments.confidence,
  wordCount: wordAlignments.wordCount,
  updatedAt: wordAlignments.updatedAt,
}

/** What a segment's fields read. */
export const segmentColumns = {
  trackId: karaokeSegments.trackId,
  segmentIndex: karaokeSegments.segmentIndex,
  startMs: karaokeSegments.startMs,
  endMs: karaokeSegments.endMs,
  metadata: karaokeSegments.metadata,
  enhancedCid: karaokeSegments.enhancedCid,
  enhancedUrl: karaokeSegments.enhancedUrl,
  clipCid: karaokeSegments.clipCid,
  clipUrl: karaokeSegments.clipUrl,
  encryptedFullCid: karaokeSegments.encryptedFullCid,
  encryptedFullUrl: karaokeSegments.encryptedFullUrl,
  encryptionAccs: karaokeSegments.encryptionAccs,
  encryptionManifestUrl: karaokeSegments.encryptionManifestUrl,
}

type Columns<Table, Picked> = Pick<Table, Extract<keyof Picked, keyof Table>>
export type TrackRow = Columns<InferSelectModel<typeof tracks>, typeof trackColumns> & { readonly hasCallback: boolean }
export type TaskRow = Columns<InferSelectModel<typeof tasks>, typeof taskColumns>
export type AlignmentRow = Columns<InferSelectModel<typeof wordAlignments>, typeof alignmentColumns>
export type SegmentRow = Columns<InferSelectModel<typeof karaokeSegments>, typeof segmentColumns>
export type ArtistMetadataRow = InferSelectModel<typeof artistMetadata>
export type LyricsRow = InferSelectModel<typeof lyrics>
export type AudioRow = InferSelectModel<typeof songAudio>
export type TrackMetadataRow = InferSelectModel<typeof trackMetadata>
export type TranslationRow = InferSelectModel<typeof lyricsTranslations>
export type LineRow = InferSelectModel<typeof karaokeLines>

type Artists = InferSelectModel<typeof artists>
type Wallet = InferSelectModel<typeof pkpAccounts>
type Account = InferSelectModel<typeof lensAccounts>
export type WalletRow = Columns<Wallet, (typeof artistColumns)['wallet']>
export type AccountRow = Columns<Account, (typeof artistColumns)['account']> & { readonly address: string }
/** A lock's terms stand in the row of the account; all are there or none. */
export interface LockRow {
  readonly address: string
  readonly chainId: number
  readonly priceWei: string
  readonly currency: string
  readonly durationSeconds: number
  readonly maxKeys: number
  readonly txHash: string | null
  readonly deployedAt: Date | null
}
export type ArtistRow = Columns<Artists, typeof artistColumns> & {
  readonly wallet: WalletRow | null
  readonly account: AccountRow | null
  readonly lock: { readonly [Name in keyof LockRow]: LockRow[Name] | null } | null
}

/** A stored file as a client meets it: `name` is what a download is called. */
export interface ArtifactRow {
  readonly sha256: string
  readonly sizeBytes: number
  readonly contentType: string
  readonly name: string
}

export interface WaitingRow {
  readonly pipeline: string
  readonly subjectId: number
  readonly stage: string
  readonly item: string
  readonly taskId: number | null
  readonly status: string
  readonly reason: string
}
