import { defineDerived } from '../pipelines.ts'
import { defineAlignment } from './alignment.ts'
import { defineArtifact } from './artifact.ts'
import { defineArtist } from './artist.ts'
import { defineArtistIdentity } from './artist-identity.ts'
import { defineArtistQueries } from './artist-queries.ts'
import { defineBacklog } from './backlog.ts'
import { defineCatalogClip } from './catalog-clip.ts'
import { defineCatalogEvent } from './catalog-event.ts'
import { defineCatalogLock } from './catalog-lock.ts'
import { defineCatalogStatus } from './catalog-status.ts'
import { defineCounts } from './counts.ts'
import { defineGrc20 } from './grc20.ts'
import { defineKaraokeLine } from './karaoke-line.ts'
import { defineKaraokeSegment } from './karaoke-segment.ts'
import { defineKeyGate } from './key-gate.ts'
import { defineLyrics } from './lyrics.ts'
import { defineMissingTask } from './missing-task.ts'
import { definePipelineType } from './pipeline.ts'
import { definePublication } from './publication.ts'
import { defineSongAudio } from './song-audio.ts'
import { defineTask } from './task.ts'
import { defineTrack } from './track.ts'
import { defineTrackMetadata } from './track-metadata.ts'
import { defineTrackMutations } from './track-mutations.ts'
import { defineTranslation } from './translation.ts'
import { defineUpload } from './upload.ts'
import { defineWaitingReason } from './waiting-reason.ts'
import { defineWorker } from './worker.ts'

export const types = [
  defineAlignment,
  defineArtifact,
  defineArtist,
  defineArtistIdentity,
  defineArtistQueries,
  defineBacklog,
  defineCatalogClip,
  defineCatalogEvent,
  defineCatalogLock,
  defineCatalogStatus,
  defineCounts,
  defineDerived,
  defineGrc20,
  defineKaraokeLine,
  defineKaraokeSegment,
  defineKeyGate,
  defineLyrics,
  defineMissingTask,
  definePipelineType,
  definePublication,
  defineSongAudio,
  defineTask,
  defineTrack,
  defineTrackMetadata,
  defineTrackMutations,
  defineTranslation,
  defineUpload,
  defineWaitingReason,
  defineWorker,
]
