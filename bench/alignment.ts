/**
 * How well the embedded aligner places words: `node bench/alignment.ts [part of a song's name …]`.
 *
 * AAE is the mean absolute error of word onsets, PCO the share of them within 0.3 s. Songs come from the folder that
 * `REFRAIN_DATA` names (beside the checkout if not set) and from `song/`. Isolated vocals are kept in the temporary folder.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { alignLyrics } from '../worker/media/align/align.ts'
import { tokenizeLine, tokenizeLyrics } from '../worker/media/align/tokenize.ts'
import type { LyricsLine } from '../worker/media/lyrics.ts'
import { isolateVocals } from '../worker/media/vocals.ts'
import { parseUltrastar, type TrueWord } from './ultrastar.ts'

interface BenchSong {
  readonly name: string
  readonly group: 'ultrastar' | 'jamendo' | 'synthetic' | 'own'
  readonly audioPath: string
  readonly language: string
  readonly words: readonly TrueWord[]
}

const DATA = process.env.REFRAIN_DATA ?? join(import.meta.dirname, '../../shared/data')
const OWN = join(import.meta.dirname, '../song')
const CACHE = join(tmpdir(), 'refrain-bench-vocals')
const LANGUAGES: Readonly<Record<string, string>> = { French: 'fr', Spanish: 'es', German: 'de', English: 'en' }
const CORRECT_SECONDS = 0.3
const LINE_NOISE_SECONDS = 0.3
const signal = new AbortController().signal

const wanted = process.argv.slice(2)
const songs = [...ultrastarSongs(), ...jamendoSongs(), ...syntheticSong(), ...ownSong()].filter(
  ({ name }) => wanted.length === 0 || wanted.some((part) => name.toLowerCase().includes(part.toLowerCase())),
)
if (!existsSync(DATA))
  console.log(`No music at ${DATA}: set REFRAIN_DATA to a folder with ultrastar/, jamendo/, synth-song/.`)
if (songs.length === 0) console.log('No song to measure.')

const results: { song: BenchSong; free: number; timed: number }[] = []
console.log('song                       lyrics      n    AAE s   median s  PCO %   confidence  x real time')
for (const song of songs) {
  const sound = await isolated(song.audioPath)
  const free = await measure(song, sound, linesOf(song.words, null))
  const timed = await measure(song, sound, linesOf(song.words, seededNoise(1)))
  results.push({ song, free, timed })
}
console.log(`peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`)
summarise('six UltraStar songs', 'ultrastar', 6, [84, 88])
summarise('three Jamendo songs', 'jamendo', 3, null)
summarise('own song', 'own', 1, [97, 97])

async function measure(
  song: BenchSong,
  { vocals, mix }: { vocals: Float32Array; mix: Float32Array },
  lines: readonly LyricsLine[],
): Promise<number> {
  const startedMs = performance.now()
  const { lyrics, confidence, usedTimes } = await alignLyrics(
    { vocals, mix, lines, language: song.language },
    { signal, onProgress: () => {} },
  )
  const speed = mix.length / 16 / (performance.now() - startedMs)
  const found = lyrics.lines.flatMap((line) => line.words)
  const onsets = firstTokens(song, lines).map((index) => found[index].startMs / 1000)
  const errors = song.words.map((word, i) => Math.abs(onsets[i] - word.startSeconds)).sort((a, b) => a - b)
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length
  const correct = (100 * errors.filter((error) => error <= CORRECT_SECONDS).length) / errors.length
  const kind = usedTimes === null ? 'free' : usedTimes ? 'line times' : 'times unused'
  console.log(
    `${song.name.slice(0, 26).padEnd(26)} ${kind.padEnd(10)} ${String(errors.length).padStart(4)}  ${mean.toFixed(3).padStart(7)}  ` +
      `${errors[errors.length >> 1].toFixed(3).padStart(7)}  ${correct.toFixed(1).padStart(6)}  ${confidence.toFixed(2).padStart(9)}  ${speed.toFixed(1).padStart(9)}`,
  )
  return correct
}

/** The aligner may divide a word of the truth (`24/7`): the index of each true word's first. */
function firstTokens(song: BenchSong, lines: readonly LyricsLine[]): number[] {
  let next = 0
  const first = song.words.map((word) => {
    const index = next
    next += tokenizeLine(word.text, song.language).length
    return index
  })
  const total = tokenizeLyrics(lines, song.language).length
  if (next !== total) throw new Error(`${song.name}: ${total} words in the lines, ${next} in the truth`)
  return first
}

function linesOf(words: readonly TrueWord[], noise: (() => number) | null): LyricsLine[] {
  const lines = Map.groupBy(words, (word) => word.lineIndex)
  return Array.from(lines.values(), (line) => {
    const text = line.map((word) => word.text).join(' ')
    if (noise === null) return { text }
    return { text, startMs: Math.max(0, Math.round(1000 * (line[0].startSeconds + LINE_NOISE_SECONDS * noise()))) }
  })
}

function summarise(title: string, group: BenchSong['group'], count: number, targets: [number, number] | null): void {
  const of = results.filter(({ song }) => song.group === group)
  if (of.length === 0) return
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const means = [mean(of.map(({ free }) => free)), mean(of.map(({ timed }) => timed))]
  const verdicts = means.map((value, i) => {
    const verdict =
      targets && of.length === count ? (value >= targets[i] ? ` ≥ ${targets[i]}: yes` : ` ≥ ${targets[i]}: NO`) : ''
    return `${value.toFixed(1)}${verdict}`
  })
  console.log(`${title} (${of.length} of ${count}): mean PCO free ${verdicts[0]}, with line times ${verdicts[1]}`)
}

async function isolated(path: string): Promise<{ vocals: Float32Array; mix: Float32Array }> {
  const { size, mtimeMs } = await stat(path)
  // A recording made again may have the same size.
  const key = `${basename(join(path, '..'))}-${basename(path)}-${size}-${Math.round(mtimeMs)}`.replace(/[^\w.-]+/g, '_')
  const files = [join(CACHE, `${key}.vocals.f32`), join(CACHE, `${key}.mix.f32`)] as const
  if (files.every((file) => existsSync(file))) {
    const [vocals, mix] = await Promise.all(files.map(async (file) => floats(await readFile(file))))
    return { vocals, mix }
  }
  await mkdir(CACHE, { recursive: true })
  const startedMs = performance.now()
  const { vocals, mix } = await isolateVocals(path, { signal, onProgress: () => {} })
  const speed = mix.length / 16 / (performance.now() - startedMs)
  console.log(`${basename(path)}: voice isolated at ${speed.toFixed(1)} x real time`)
  await Promise.all([writeFile(files[0], vocals), writeFile(files[1], mix)])
  return { vocals, mix }
}

function floats(bytes: Buffer): Float32Array {
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}

function ultrastarSongs(): BenchSong[] {
  const folder = join(DATA, 'ultrastar')
  return foldersOf(folder).map((name) => {
    const files = readdirSync(join(folder, name))
    const bytes = readFileSync(join(folder, name, 'song.txt'))
    const text = bytes.toString('utf8')
    return {
      name,
      group: 'ultrastar',
      audioPath: join(folder, name, files.find((file) => file.startsWith('audio.')) ?? ''),
      language: 'en',
      words: parseUltrastar(text.includes('\uFFFD') ? bytes.toString('latin1') : text),
    }
  })
}

function jamendoSongs(): BenchSong[] {
  const folder = join(DATA, 'jamendo')
  if (!existsSync(folder)) return []
  const rows = readFileSync(join(folder, 'songs.csv'), 'utf8').trim().split('\n').slice(1)
  return rows.map((row) => {
    const columns = row.split(',')
    const name = basename(columns[1], '.mp3')
    const texts = readFileSync(join(folder, `${name}.words.txt`), 'utf8')
      .trim()
      .split('\n')
    const times = readFileSync(join(folder, 'words', `${name}.csv`), 'utf8')
      .trim()
      .split('\n')
      .slice(1)
    let lineIndex = 0
    const words = times.map((time, i) => {
      const [start, , lineEnd] = time.split(',')
      const word = { text: texts[i].trim(), startSeconds: Number(start), lineIndex }
      if (Number.isFinite(Number.parseFloat(lineEnd))) lineIndex++
      return word
    })
    return {
      name,
      group: 'jamendo',
      audioPath: join(folder, columns[1]),
      language: columns.map((column) => LANGUAGES[column]).find((language) => language !== undefined) ?? 'en',
      words,
    }
  })
}

function syntheticSong(): BenchSong[] {
  const path = join(DATA, 'synth-song', 'truth.json')
  if (!existsSync(path)) return []
  const truth = JSON.parse(readFileSync(path, 'utf8')) as { words: { w: string; s: number }[] }
  const words = truth.words.map(({ w, s }, i) => {
    // Its lyrics have no lines: a pause of a second makes one.
    return {
      text: w,
      startSeconds: s,
      lineIndex: truth.words.slice(1, i + 1).filter((x, k) => x.s - truth.words[k].s > 1).length,
    }
  })
  const audioPath = join(DATA, 'synth-song', 'mix.flac')
  return [{ name: 'synth-song', group: 'synthetic', audioPath, language: 'en', words }]
}

function ownSong(): BenchSong[] {
  const path = join(OWN, 'truth.json')
  const audio = existsSync(OWN) ? readdirSync(OWN).find((file) => /\.(mp3|flac|wav|ogg)$/.test(file)) : undefined
  if (!audio || !existsSync(path)) {
    console.log('No song/ with truth.json and audio: our own song is not measured.')
    return []
  }
  const truth = JSON.parse(readFileSync(path, 'utf8')) as { words: TrueWord[] }
  return [{ name: basename(audio), group: 'own', audioPath: join(OWN, audio), language: 'en', words: truth.words }]
}

function foldersOf(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
}

/** Uniform in [-1, 1), the same on every run (mulberry32). */
function seededNoise(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1
  }
}
