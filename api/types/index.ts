import { defineDerived } from '../pipelines.ts'
import { defineAlignment } from './alignment.ts'
import { defineArtifact } from './artifact.ts'
import { defineBacklog } from './backlog.ts'
import { defineCounts } from './counts.ts'
import { defineKaraokeLine } from './karaoke-line.ts'
import { defineKaraokeSegment } from './karaoke-segment.ts'
import { defineLyrics } from './lyrics.ts'
import { defineMissingTask } from './missing-task.ts'
import { definePipelineType } from './pipeline.ts'
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
  defineBacklog,
  defineCounts,
  defineDerived,
  defineKaraokeLine,
  defineKaraokeSegment,
  defineLyrics,
  defineMissingTask,
  definePipelineType,
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
