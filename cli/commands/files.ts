import { readFiles, saveFiles } from '../files.ts'
import { count, requirePositional, table, textOption } from './arguments.ts'
import type { Command } from './index.ts'
import { trackIdOf } from './track-id.ts'

export const files: Command = {
  name: 'files',
  usage: 'files TRACK [--out FOLDER]',
  words: 1,
  summary: "lists a track's files, or downloads them",
  options: { out: { type: 'string' } },
  async run(invocation) {
    const { api, isJson, print, signal } = invocation
    const found = await readFiles(
      api,
      await trackIdOf(api, requirePositional(invocation, 0, 'a track: refrain files Track:1')),
    )
    const folder = textOption(invocation, 'out')
    if (folder) await saveFiles(found, folder, signal)
    if (isJson) print(JSON.stringify(found))
    else {
      for (const row of table(
        found.map((file) => [file.stage, `${(file.sizeBytes / 1e6).toFixed(2)} MB`, file.name, file.url]),
      ))
        print(row)
      print(`${count(found.length, 'file')}${folder ? ` in ${folder}` : ''}`)
    }
    return 0
  },
}
