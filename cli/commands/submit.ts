import { followTrack, readStages } from '../follow.ts'
import { submitSong } from '../submit.ts'
import { requirePositional, textOption } from './arguments.ts'
import { explain } from './follow.ts'
import type { Command } from './index.ts'

export const submit: Command = {
  name: 'submit',
  usage: 'submit SONG [LYRICS] [--title T] [--artist A] [--language L] [--follow]',
  words: 2,
  summary: 'uploads a song and adds it as a track',
  options: {
    title: { type: 'string' },
    artist: { type: 'string', multiple: true },
    language: { type: 'string' },
    follow: { type: 'boolean' },
  },
  async run(invocation) {
    const { api, values, positionals, isJson, signal, print } = invocation
    const [title, language] = [textOption(invocation, 'title'), textOption(invocation, 'language')]
    const trackId = await submitSong(api, {
      songPath: requirePositional(invocation, 0, 'a song file: refrain submit song.mp3 lyrics.txt'),
      ...(positionals[1] ? { lyricsPath: positionals[1] } : {}),
      ...(title ? { title } : {}),
      ...(language ? { language } : {}),
      ...(Array.isArray(values.artist) ? { artists: values.artist } : {}),
    })
    if (!values.follow) {
      print(isJson ? JSON.stringify({ trackId }) : trackId)
      return 0
    }
    const track = await followTrack(
      api,
      trackId,
      await readStages(api),
      isJson ? process.stderr : process.stdout,
      signal,
    )
    return explain(track, isJson, print)
  },
}
