import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Artifact } from '../../engine/artifact.ts'
import { writeAss } from '../../media/ass.ts'
import { prepareFonts } from '../../media/fonts.ts'
import { writeLrc } from '../../media/lrc.ts'
import { writeLyricsJson } from '../../media/lyrics-json.ts'
import { align } from './align.ts'
import { PICTURE, styleOf } from './style.ts'
import { trackStage } from './subject.ts'

const Package = z.object({ lineLrc: Artifact, wordLrc: Artifact, ass: Artifact, json: Artifact })

/** Writes the timed lyrics as files that players read: LRC by line and by word, ASS and JSON, all from one timing model. */
export const packageLyrics = trackStage({
  name: 'package',
  description: 'Writes the timed lyrics as LRC, ASS and JSON files',
  after: [align],
  output: Package,
  canSkip: true,
  async run({ align }, context) {
    if (align === null) return context.skip('the track has no lyrics')
    const { subject, workspacePath } = context
    const { lyrics } = align
    const fonts = await prepareFonts(workspacePath)
    const metadata = { title: subject.title, artist: subject.artists.join(', ') }
    const keep = async (name: string, contentType: string, text: string) => {
      const path = join(workspacePath, name)
      await writeFile(path, text)
      return await context.keep(path, { name, contentType })
    }
    return {
      lineLrc: await keep('lyrics.line.lrc', 'text/plain; charset=utf-8', writeLrc(lyrics, { kind: 'line', metadata })),
      wordLrc: await keep('lyrics.word.lrc', 'text/plain; charset=utf-8', writeLrc(lyrics, { kind: 'word', metadata })),
      ass: await keep(
        'lyrics.ass',
        'text/x-ssa; charset=utf-8',
        writeAss(lyrics, { ...styleOf(subject), ...PICTURE, faces: fonts.faces }),
      ),
      json: await keep('lyrics.json', 'application/json', writeLyricsJson(lyrics, metadata)),
    }
  },
})
