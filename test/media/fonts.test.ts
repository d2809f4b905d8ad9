import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPipe, runFfmpeg } from '../../worker/media/ffmpeg/run.ts'
import { type Fonts, fontFor, prepareFonts, splitByFont, widthEm } from '../../worker/media/fonts.ts'
import { type AssStyle, assDocument, drawableText, FontWriter } from '../../worker/media/video/ass-document.ts'
import { readFontFile } from '../../worker/media/video/font-file.ts'
import { assFilter } from '../../worker/media/video/picture.ts'

const { signal } = new AbortController()
const TEXTS = {
  Latin: 'Ça alors, Łódź, Ærøskøbing, Việt Nam, İstanbul — “naïve” façade',
  Cyrillic: 'Съешь же ещё этих мягких булок, Їжак',
  Greek: 'Ξεσκεπάζω την ψυχοφθόρα βδελυγμία',
  Hebrew: 'דג סקרן שט בים מאוכזב',
  Arabic: 'نص حكيم له سر قاطع وذو شأن عظيم',
  Thai: 'เป็นมนุษย์สุดประเสริฐเลิศคุณค่า',
  Devanagari: 'ऋषियों को सताने वाले दुष्ट राक्षसों',
  Korean: '키스의 고유조건은 입술끼리 만나야 하고',
  Japanese: 'いろはにほへと チリヌルヲ 夜に駆ける',
  Simplified: '视野无限广，窗外有蓝天',
  Traditional: '視野無限廣，窗外有藍天',
  Signs: '♪ la la ♫ … (hey!) 1990’s & more',
}

let folder: string
let fonts: Fonts
let style: AssStyle

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-fonts-'))
  fonts = await prepareFonts(join(folder, 'fonts'))
  const colours = { sungColour: '#ffffff', unsungColour: '#ffffff', outlineColour: '#000000' }
  style = { width: 1280, height: 120, faces: fonts.faces, ...colours }
})

afterAll(() => rm(folder, { recursive: true, force: true }))

test.each(Object.entries(TEXTS))(
  '%s loses no character, and every font used has every character it is given',
  (_, text) => {
    const runs = splitByFont(text, fonts.faces)
    expect(runs.map((run) => run.text).join('')).toBe(text)
    for (const { text: part, face } of runs) {
      for (const character of part) expect(face.covers(character.codePointAt(0)!), character).toBe(true)
    }
  },
)

test.each(Object.entries(TEXTS))('%s is drawn as wide as measured, so no glyph is missing', async (name, text) => {
  const emPx = 24
  const words = drawableText(text, fonts.faces)
  const event = {
    style: 'Decor',
    startCs: 0,
    endCs: 100,
    text: new FontWriter(fonts.faces, emPx).write(words),
  } as const
  const assPath = join(folder, `${name}.ass`)
  await writeFile(assPath, assDocument(style, 'und', [event]))
  const { frame, log } = await draw(assPath)
  expect(log.filter((line) => /fontselect/.test(line)).length).toBeGreaterThan(0)
  expect(log.filter((line) => /glyph .* not found/i.test(line))).toEqual([])
  const { drawn, left, right } = inked(frame, style.width)
  const expected = splitByFont(words, fonts.faces).reduce((sum, run) => sum + widthEm(run) * emPx, 0)
  expect(drawn).toBeGreaterThan(200)
  // Kerning and shaping make text a little narrower than its advances; Arabic letters join and shrink most.
  const tolerance = name === 'Arabic' || name === 'Devanagari' ? 0.35 : 0.08
  expect((right - left) / expected).toBeGreaterThan(1 - tolerance)
  expect((right - left) / expected).toBeLessThan(1.08)
})

test('characters that no font has are left out instead of drawn as boxes', () => {
  expect(
    splitByFont('hey 😀 you😀!', fonts.faces)
      .map((run) => run.text)
      .join(''),
  ).toBe('hey  you!')
  expect(splitByFont('😀', fonts.faces)).toEqual([])
  expect(splitByFont('', fonts.faces)).toEqual([])
})

test('the font follows the script of each word', () => {
  const families = splitByFont('사랑해 baby 愛', fonts.faces).map((run) => run.face.family)
  expect(families).toEqual(['NanumGothic', 'Open Sans', 'Chocolate Classical Sans'])
  expect(fontFor('สวัสดี', fonts.faces).family).toBe('Noto Sans Thai')
  expect(fontFor('', fonts.faces).family).toBe('Open Sans')
})

test('the folder holds just the fonts, and preparing it again changes nothing', async () => {
  const before = await readdir(fonts.folder)
  expect(before).toHaveLength(fonts.faces.length)
  await Promise.all([prepareFonts(fonts.folder), prepareFonts(fonts.folder)])
  expect(await readdir(fonts.folder)).toEqual(before)
})

test('a font of one’s own comes first, and what is no font is refused', async () => {
  const own = join(fonts.folder, (await readdir(fonts.folder)).find((name) => name.includes('Nanum'))!)
  const { faces } = await prepareFonts(join(folder, 'own'), own)
  expect(fontFor('Latin', faces).family).toBe('NanumGothic')
  expect(fontFor('愛', faces).family).toBe('Chocolate Classical Sans')
  await writeFile(join(folder, 'no.ttf'), 'no font at all, only text')
  await expect(prepareFonts(join(folder, 'own'), join(folder, 'no.ttf'))).rejects.toThrow(/“no.ttf” cannot be read/)
  expect(() => readFontFile(new Uint8Array(3))).toThrow()
})

async function draw(assPath: string): Promise<{ frame: Uint8Array; log: readonly string[] }> {
  const pipe = openPipe()
  const graph = `color=c=black:s=${style.width}x${style.height}:r=1,trim=end_frame=1,${assFilter(assPath, fonts.folder)},format=gray`
  const run = runFfmpeg(['-f', 'lavfi', '-i', graph, '-loglevel', 'info', '-f', 'rawvideo', 'pipe:1'], {
    signal,
    stdout: pipe,
  })
  const chunks: Uint8Array[] = []
  for await (const chunk of pipe) chunks.push(chunk)
  return { log: await run, frame: Buffer.concat(chunks) }
}

/** How many pixels are bright, and between which columns. */
function inked(frame: Uint8Array, width: number): { drawn: number; left: number; right: number } {
  let drawn = 0
  let left = width
  let right = 0
  frame.forEach((value, index) => {
    if (value < 100) return
    drawn++
    left = Math.min(left, index % width)
    right = Math.max(right, index % width)
  })
  return { drawn, left, right: right + 1 }
}
