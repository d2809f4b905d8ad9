import { join } from 'node:path'
import { z } from 'zod'
import { Artifact } from '../../engine/artifact.ts'
import { renderEndScreen, renderTitleScreen } from '../../media/video/screen.ts'
import { download } from './download.ts'
import { PICTURE, SCREEN_SECONDS, styleOf } from './style.ts'
import { trackStage } from './subject.ts'

const Screens = z.object({ title: Artifact, end: Artifact, seconds: z.number().positive() })

/** Makes the title screen and the end screen as videos of their own, in the style of the karaoke video. */
export const screens = trackStage({
  name: 'screens',
  description: 'Makes the title and end screens',
  after: [download],
  output: Screens,
  queue: 'encode',
  weight: 2,
  async run(_inputs, context) {
    const { subject, signal, workspacePath } = context
    const screen = {
      title: subject.title,
      artist: subject.artists.join(', '),
      style: styleOf(subject),
      ...PICTURE,
      durationSeconds: SCREEN_SECONDS,
      workspacePath,
    }
    const titlePath = join(workspacePath, 'title.mov')
    const endPath = join(workspacePath, 'end.mov')
    await renderTitleScreen(
      { ...screen, path: titlePath },
      { signal, onProgress: (fraction) => context.progress(fraction / 2) },
    )
    await renderEndScreen(
      { ...screen, path: endPath },
      { signal, onProgress: (fraction) => context.progress(0.5 + fraction / 2) },
    )
    return {
      title: await context.keep(titlePath, { name: 'title.mov', contentType: 'video/quicktime' }),
      end: await context.keep(endPath, { name: 'end.mov', contentType: 'video/quicktime' }),
      seconds: SCREEN_SECONDS,
    }
  },
})
