import SchemaBuilder from '@pothos/core'
import ComplexityPlugin from '@pothos/plugin-complexity'
import ErrorsPlugin from '@pothos/plugin-errors'
import RelayPlugin from '@pothos/plugin-relay'
import type { TimedLine, TimedWord } from '../worker/media/lyrics.ts'
import type { CatalogClip, CatalogKey, CatalogLock, CatalogSegment } from './catalog.ts'
import type { ApiContext } from './context.ts'
import { decodeId, encodeId } from './ids.ts'
import type { StageRequest } from './pipelines.ts'
import type {
  AccountRow,
  AlignmentRow,
  ArtifactRow,
  ArtistMetadataRow,
  ArtistRow,
  AudioRow,
  LineRow,
  LockRow,
  LyricsRow,
  SegmentRow,
  TaskRow,
  TrackMetadataRow,
  TrackRow,
  TranslationRow,
  WaitingRow,
  WalletRow,
} from './rows.ts'
import type { UploadTicket } from './upload-ticket.ts'

export interface SchemaTypes {
  Context: ApiContext
  DefaultFieldNullability: false
  DefaultEdgesNullability: { list: false; items: false }
  DefaultNodeNullability: false
  Scalars: {
    ID: { Input: string; Output: string | number }
    DateTime: { Input: Date; Output: Date }
    JSON: { Input: unknown; Output: unknown }
    SafeInt: { Input: number; Output: number }
  }
  Objects: {
    Track: TrackRow
    Artist: ArtistRow
    ArtistWallet: WalletRow
    ArtistAccount: AccountRow
    ArtistLock: LockRow
    ArtistMetadata: ArtistMetadataRow
    Task: TaskRow
    MissingTask: { readonly pipeline: string; readonly subjectId: number; readonly stage: string }
    Artifact: ArtifactRow
    SongAudio: AudioRow
    Lyrics: LyricsRow
    Alignment: AlignmentRow
    TimedLine: TimedLine
    TimedWord: TimedWord
    TrackMetadata: TrackMetadataRow
    MetadataRequest: { readonly count: number }
    Translation: TranslationRow
    KaraokeSegment: SegmentRow
    KaraokeLine: LineRow
    WaitingReason: WaitingRow
    Upload: UploadTicket
    StageRequest: StageRequest
    RetriedTasks: { readonly count: number }
    CanceledTrack: { readonly trackId: number; readonly canceledTasks: number }
    RerunArtist: { readonly artistId: number; readonly undone: readonly string[] }
    RerunTrack: { readonly trackId: number; readonly undone: readonly string[] }
    DeletedTrack: { readonly id: string }
    CatalogClip: CatalogClip
    CatalogSegment: CatalogSegment
    CatalogLock: CatalogLock
    CatalogKey: CatalogKey
  }
}

export type Builder = ReturnType<typeof createBuilder>

/**
 * An empty schema builder. Every field is non-null unless it says otherwise. The complexity plugin only annotates:
 * limits are checked once per operation, in one place, whatever transport it came over (`limits.ts`).
 */
export function createBuilder() {
  return new SchemaBuilder<SchemaTypes>({
    plugins: [ErrorsPlugin, RelayPlugin, ComplexityPlugin],
    defaultFieldNullability: false,
    complexity: { disabled: true },
    relay: {
      brandLoadedObjects: true,
      cursorType: 'String',
      encodeGlobalID: (typename, id) => encodeId(typename, id),
      decodeGlobalID: (id) => decodeId(id),
      nodeTypeOptions: { description: 'Anything that has a global id.' },
      idFieldOptions: { description: 'Global id, such as `Track:12`.' },
      nodeQueryOptions: {
        description: 'Anything by its global id; null when there is none.',
        args: { id: { description: 'Global id.' } },
      },
      nodesQueryOptions: {
        description: 'Things by their global ids, in the order asked for; null in the place of one there is none of.',
        args: { ids: { description: 'Global ids.' } },
      },
      pageInfoTypeOptions: { description: 'Whether a list goes on before and after a page, and where.' },
      hasNextPageFieldOptions: { description: 'Whether more follows.' },
      hasPreviousPageFieldOptions: { description: 'Whether more precedes.' },
      startCursorFieldOptions: { description: 'Cursor of the first on this page; null when it is empty.' },
      endCursorFieldOptions: { description: 'Cursor of the last on this page; null when it is empty.' },
      firstArgOptions: { description: 'At most this many from the start, up to 100; 20 when absent.' },
      lastArgOptions: { description: 'At most this many from the end, up to 100.' },
      afterArgOptions: { description: 'Only what follows this cursor.' },
      beforeArgOptions: { description: 'Only what precedes this cursor.' },
      pageInfoFieldOptions: { description: 'Whether the list goes on before and after this page.' },
      cursorFieldOptions: { description: 'Where it stands in the list.' },
      edgesFieldOptions: {
        nullable: { list: false, items: false },
        description: 'What is on this page.',
        complexity: { field: 0, multiplier: 1 },
      },
      nodeFieldOptions: { nullable: false, description: 'What stands there.' },
    },
  })
}
