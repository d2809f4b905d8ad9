import { definePipeline } from '../../engine/define.ts'
import { mintWork, populateWork, withWork } from '../artist/grc20/work-stages.ts'
import { align } from './align.ts'
import { clip } from './clip.ts'
import { download } from './download.ts'
import { encrypt } from './encrypt.ts'
import { enhance } from './enhance.ts'
import { enrich } from './enrich.ts'
import { karaokeLines } from './karaoke-lines.ts'
import { normalize } from './normalize.ts'
import { packageLyrics } from './package.ts'
import { promote } from './promote.ts'
import { proveAccess } from './prove-access.ts'
import { publish } from './publish.ts'
import { registerClip } from './register-clip.ts'
import { render } from './render.ts'
import { screens } from './screens.ts'
import { segment } from './segment.ts'
import { separate } from './separate.ts'
import { sources } from './sources.ts'
import { loadTrack } from './subject.ts'
import { translate } from './translate.ts'

export const track = definePipeline({
  name: 'track',
  description:
    'A song becomes stems, word timings, a public clip, lyric files, a karaoke video and an encrypted full song',
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
    publish,
    registerClip,
    encrypt,
    proveAccess,
    promote,
    populateWork,
    mintWork,
  ],
  loadSubject: withWork(loadTrack),
})
