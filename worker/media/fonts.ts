import { copyFile, mkdir, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, join, resolve } from 'node:path'
import { InvalidInput, MediaFailed } from '../errors.ts'
import { type FontFile, readFontFile } from './video/font-file.ts'

export type { FontFile } from './video/font-file.ts'

export interface Fonts {
  /** Holds only the font files below: what libass takes as `fontsdir`. */
  readonly folder: string
  /** In order of preference. Together they draw Latin, Cyrillic, Greek, Hebrew, Arabic, Thai, Devanagari, Hangul, kana and Han. */
  readonly faces: readonly FontFile[]
}

export interface FontRun {
  readonly text: string
  readonly face: FontFile
}

// All under the SIL Open Font License. Chocolate Classical Sans alone has every common Han character, kana and symbols such as ♪.
const FONT_FILES: readonly string[] = [
  'open-sans/700Bold/OpenSans_700Bold.ttf',
  'noto-sans-arabic/700Bold/NotoSansArabic_700Bold.ttf',
  'noto-sans-thai/700Bold/NotoSansThai_700Bold.ttf',
  'noto-sans-devanagari/700Bold/NotoSansDevanagari_700Bold.ttf',
  'nanum-gothic/700Bold/NanumGothic_700Bold.ttf',
  'chocolate-classical-sans/400Regular/ChocolateClassicalSans_400Regular.ttf',
]

let loaded: Promise<readonly FontFile[]> | undefined

/**
 * Puts the product's own fonts into a folder for libass, so that drawing depends on no font of the machine.
 *
 * @param folder of the workspace, for fonts alone; made when it is not there, and good to use again
 * @param preferredPath a TrueType or OpenType file to draw with wherever it has the characters
 * @throws MediaFailed when a font package is not installed; InvalidInput when the preferred font cannot be read
 */
export async function prepareFonts(folder: string, preferredPath?: string): Promise<Fonts> {
  await mkdir(folder, { recursive: true })
  for (const file of FONT_FILES) await linkFont(resolveFont(file), folder)
  loaded ??= Promise.all(FONT_FILES.map(async (file) => readFontFile(await readFile(resolveFont(file)))))
  if (preferredPath === undefined) return { folder, faces: await loaded }
  const preferred = await readFile(preferredPath)
    .then(readFontFile)
    .catch((cause: unknown) => {
      throw new InvalidInput(
        `expected a TrueType or OpenType font, but “${basename(preferredPath)}” cannot be read as one`,
        { cause },
      )
    })
  await linkFont(preferredPath, folder)
  return { folder, faces: [preferred, ...(await loaded)] }
}

async function linkFont(path: string, folder: string): Promise<void> {
  const target = join(folder, basename(path))
  await symlink(resolve(path), target).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') await copyFile(path, target)
  })
}

/** The font for a word or a title: the first that has every character, else the one that has most. */
export function fontFor(text: string, faces: readonly FontFile[]): FontFile {
  const whole = faces.find((face) => coversAll(face, text))
  if (whole) return whole
  const count = (face: FontFile) => Array.from(text).filter((character) => coversAll(face, character)).length
  return faces.reduce((best, face) => (count(face) > count(best) ? face : best), faces[0]!)
}

/**
 * Cuts text into runs of one font each. Characters that no font has, such as emoji, are left out: nothing is better than a
 * box. Spaces and shared punctuation stay in the font before them.
 */
export function splitByFont(text: string, faces: readonly FontFile[]): FontRun[] {
  const runs: { text: string; face: FontFile }[] = []
  for (const word of text.split(/(\s+)/)) {
    if (word === '') continue
    const pieces = faces.some((face) => coversAll(face, word)) ? [word] : graphemes(word)
    for (const piece of pieces) {
      const last = runs.at(-1)
      const face =
        last && !/[\p{L}\p{N}]/u.test(piece) && coversAll(last.face, piece)
          ? last.face
          : faces.find((candidate) => coversAll(candidate, piece))
      if (!face) continue
      if (last?.face === face) last.text += piece
      else runs.push({ text: piece, face })
    }
  }
  return runs
}

/** Width of a run in ems of its font, without kerning and shaping: for Arabic and Devanagari an upper estimate. */
export function widthEm({ text, face }: FontRun): number {
  let width = 0
  for (const character of text) {
    const codePoint = character.codePointAt(0)!
    if (!isInvisible(codePoint) && !/\p{Mn}/u.test(character)) width += face.advanceEm(codePoint)
  }
  return width
}

function coversAll(face: FontFile, text: string): boolean {
  for (const character of text) {
    const codePoint = character.codePointAt(0)!
    if (!isInvisible(codePoint) && !face.covers(codePoint)) return false
  }
  return true
}

/** Joiners, direction marks and variation selectors steer drawing and are not drawn. */
function isInvisible(codePoint: number): boolean {
  if (codePoint < 0xad) return false
  return (
    codePoint === 0xad ||
    (codePoint >= 0x200b && codePoint <= 0x200f) ||
    (codePoint >= 0x202a && codePoint <= 0x202e) ||
    (codePoint >= 0x2060 && codePoint <= 0x206f) ||
    (codePoint >= 0xfe00 && codePoint <= 0xfe0f) ||
    codePoint === 0xfeff
  )
}

const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' })

function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment)
}

function resolveFont(file: string): string {
  const name = `@expo-google-fonts/${file}`
  try {
    return createRequire(import.meta.url).resolve(name)
  } catch (cause) {
    const packageName = name.split('/').slice(0, 2).join('/')
    throw new MediaFailed(`expected the font package ${packageName}, which is not installed; run npm install`, {
      cause,
    })
  }
}
