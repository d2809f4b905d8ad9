import { definePipeline } from '../../engine/define.ts'
import { align } from './align.ts'
import { clip } from './clip.ts'
import { download } from './download.ts'
import { enhance } from './enhance.ts'
import { enrich } from './enrich.ts'
import { karaokeLines } from './karaoke-lines.ts'
import { normalize } from './normalize.ts'
import { packageLyrics } from './package.ts'
import { render } from './render.ts'
import { screens } from './screens.ts'
import { segment } from './segment.ts'
import { separate } from './separate.ts'
import { sources } from './sources.ts'
import { loadTrack } from './subject.ts'
import { translate } from './translate.ts'

export const track = definePipeline({
  name: 'track',
  description: 'A song becomes stems, word timings, a public clip, lyric files and a karaoke video',
  milestones: ['audio_ready', 'aligned', 'translated', 'separated', 'segmented', 'enhanced', 'ready'],
  stages: [
    sources,
    enrich,
    download,
    align,
    normalize,
    translate,
    separate,
    segment,
    enhance,
    clip,
    screens,
    render,
    packageLyrics,
    karaokeLines,
  ],
  loadSubject: loadTrack,
})
