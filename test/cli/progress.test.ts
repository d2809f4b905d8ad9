import { expect, test } from 'vitest'
import { namesOf, type TrackFile } from '../../cli/files.ts'
import { createProgressView, drawBars, type StageLine } from '../../cli/progress.ts'
import { columnsOf, messageOf, oneLine, pad, shorten } from '../../cli/text.ts'

const line = (label: string, status: string, more: Partial<StageLine> = {}): StageLine => ({
  label,
  status,
  fraction: 0,
  seconds: null,
  note: null,
  ...more,
})
const LINES = [
  line('download', 'completed', { fraction: 1, seconds: 1.25 }),
  line('translate pt-BR', 'skipped', { note: 'translating needs a language model: '.repeat(5) }),
  line('separate', 'running', { fraction: 0.5 }),
  line('align', 'failed', { note: 'expected words,\ngot 🎤 日本語 \u001b[31m' }),
  line('render', 'waiting', { note: 'waits for align' }),
]

/** What a terminal shows that understands the few codes used, without wrapping. */
function createTerminal(columns: number, rows: number) {
  const screen: string[] = ['before']
  let row = 1
  return {
    isTTY: true,
    columns,
    rows,
    screen,
    write(text: string) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal is told by them
      const token = /\u001b\[(\??\d*)([A-Za-z])|\n|\r|[^\u001b\n\r]+/g
      for (const [whole, count, code] of text.matchAll(token)) {
        if (whole === '\n') row++
        else if (code === 'A') row -= Number(count)
        else if (code === 'J') screen.length = Math.min(screen.length, row)
        else if (!code && whole !== '\r') screen[row] = whole
      }
    },
  }
}

test('bars are redrawn in place, none wider than the terminal, however long a reason is', () => {
  for (const columns of [20, 40, 80, 200]) {
    const terminal = createTerminal(columns, 24)
    const view = createProgressView(terminal)
    view.update(LINES.map(({ label }) => line(label, 'waiting')))
    view.update(LINES)
    view.update(LINES.map((one) => ({ ...one, fraction: 0.9 })))
    view.end()
    expect(terminal.screen).toHaveLength(1 + LINES.length)
    expect(terminal.screen[0]).toBe('before')
    for (const shown of terminal.screen.slice(1)) expect(columnsOf(shown)).toBeLessThan(Math.max(columns, 21))
  }
})

test('on a low terminal what is done makes room, so that redrawing stays possible', () => {
  const terminal = createTerminal(80, 5)
  const view = createProgressView(terminal)
  view.update(LINES)
  view.update(LINES)
  expect(terminal.screen).toHaveLength(5)
  expect(terminal.screen.slice(1).map((shown) => shown.replace(/\s+/g, ' ').slice(0, 10))).toEqual([
    '▸ separate',
    '✗ align fa',
    ' render wa',
    ' and 2 mor',
  ])
})

test('bars are aligned, say each status once and keep control characters from the terminal', () => {
  const shown = drawBars(LINES, 400, 24)
  for (const text of shown) expect(text.slice(17)).toMatch(/^ {2}\S/)
  expect(shown[0]).toMatch(/^✓ download +█{24} {2}1\.3 s$/)
  expect(shown[1]).toMatch(/^– translate pt-BR {2}skipped \(translating needs/)
  expect(shown[2]).toMatch(/^▸ separate +█{12}░{12} {2}50 %$/)
  expect(shown[3]).toMatch(/failed \(expected words, got 🎤 日本語 \[31m\)$/)
})

test('piped, a line comes for each change of status and each quarter, and never twice', () => {
  let said = ''
  const view = createProgressView({ write: (text) => (said += text) })
  const steps = [0, 0.1, 0.26, 0.3, 0.49, 0.5, 0.99].map((fraction) => line('separate', 'running', { fraction }))
  for (const step of [line('separate', 'waiting'), ...steps, line('separate', 'completed', { seconds: 3 })]) {
    view.update([step])
    view.update([step])
  }
  view.update([line('align', 'awaiting_review')])
  expect(said.split('\n')).toEqual([
    'separate: running',
    'separate: running, 26 %',
    'separate: running, 50 %',
    'separate: running, 99 %',
    'separate: completed in 3.0 s',
    'align: awaiting review',
    '',
  ])
})

test('text is measured as a terminal shows it', () => {
  expect(['', 'abc', 'é', 'e\u0301', '日本', '👩‍🎤', 'नि'].map(columnsOf)).toEqual([0, 3, 1, 1, 4, 2, 1])
  expect(shorten('日本語', 6)).toBe('日本語')
  expect(shorten('日本語', 5)).toBe('日本…')
  expect([shorten('abc', 2), shorten('abc', 0)]).toEqual(['a…', ''])
  expect(pad('日', 4)).toBe('日  ')
  expect(oneLine(' a\r\n\u0007\u202eb\u2028 ')).toBe('a b')
  expect(messageOf(new AggregateError([new Error('one'), new Error('two')], ''))).toBe('one; two')
})

test('files are saved inside the folder, and different ones never under one name', () => {
  const file = (stage: string, name: string, sha256 = `${stage}${name}`): TrackFile => ({
    stage,
    name,
    sha256,
    sizeBytes: 1,
    url: '',
  })
  const names = namesOf([
    file('download', '../../etc/passwd'),
    file('download', 'Song.flac'),
    file('separate', 'song.FLAC'),
    file('separate', 'song.flac', 'third'),
    file('render', 'Song.flac', 'downloadSong.flac'),
    file('render', '..', 'dots'),
    file('render', 'a\nb\0c'),
  ])
  expect(names).toEqual([
    '_.._etc_passwd',
    'Song.flac',
    'separate-song.FLAC',
    'third-song.flac',
    'Song.flac',
    'dots',
    'a b c',
  ])
})
