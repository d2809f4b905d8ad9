import { columnsOf, oneLine, pad, shorten } from './text.ts'

/** What a stage line shows. */
export interface StageLine {
  readonly label: string
  /** A task status in lower case, or `waiting` before there is a task. */
  readonly status: string
  /** 0…1 */
  readonly fraction: number
  readonly seconds: number | null
  /** Why it waits, was skipped or failed. */
  readonly note: string | null
}

export interface ProgressView {
  update(lines: readonly StageLine[]): void
  /** Leaves the last state on the screen. */
  end(): void
}

/** Where a view writes: a terminal, whose size may change, or a pipe. */
export interface ProgressOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

const BAR_WIDTH = 24
const PLAIN_STEP = 0.25
const MARKS: Record<string, string> = {
  completed: '✓',
  failed: '✗',
  skipped: '–',
  canceled: '✗',
  awaiting_review: '?',
  running: '▸',
  pending: '·',
  waiting: ' ',
}
const ESCAPE = '\u001b['
const [WRAP_OFF, WRAP_ON, CLEAR_BELOW, CLEAR_RIGHT] = [`${ESCAPE}?7l`, `${ESCAPE}?7h`, `${ESCAPE}J`, `${ESCAPE}K`]

/** Bars that move on a terminal; when piped, one plain line for each change of status and every quarter of progress. */
export function createProgressView(out: ProgressOutput): ProgressView {
  return out.isTTY && process.env.TERM !== 'dumb' ? createBars(out) : createPlainLines(out)
}

function createBars(out: ProgressOutput): ProgressView {
  let height = 0
  let shown = ''
  return {
    update(lines) {
      const text = drawBars(lines, out.columns ?? 80, out.rows ?? 24)
      if (text.join('\n') === shown) return
      shown = text.join('\n')
      // Without wrapping, a line is a row however wide its characters turn out to be, and going up by rows is exact.
      const up = height > 0 ? `${ESCAPE}${height}A\r` : ''
      out.write(`${WRAP_OFF}${up}${text.map((line) => `${line}${CLEAR_RIGHT}\n`).join('')}${CLEAR_BELOW}${WRAP_ON}`)
      height = text.length
    },
    end() {
      height = 0
    },
  }
}

/** One line for each stage, none wider than the terminal; on a low terminal those that are done make room. */
export function drawBars(lines: readonly StageLine[], columns: number, rows: number): string[] {
  const width = Math.max(20, columns - 1)
  const room = Math.max(3, rows - 1)
  const labelWidth = Math.max(0, ...lines.map((line) => columnsOf(line.label)))
  const draw = (line: StageLine) => shorten(drawBar(line, labelWidth), width)
  if (lines.length <= room) return lines.map(draw)
  const unsettled = lines.filter((line) => !['completed', 'skipped'].includes(line.status)).slice(0, room - 1)
  return [...unsettled.map(draw), shorten(`  and ${lines.length - unsettled.length} more`, width)]
}

function createPlainLines(out: ProgressOutput): ProgressView {
  const told = new Map<string, { status: string; step: number }>()
  return {
    update(lines) {
      for (const line of lines) {
        if (line.status === 'waiting') continue
        const step = line.status === 'running' ? Math.floor(line.fraction / PLAIN_STEP) : 0
        const before = told.get(line.label)
        if (before?.status === line.status && before.step >= step) continue
        told.set(line.label, { status: line.status, step })
        out.write(`${line.label}: ${describe(line)}\n`)
      }
    },
    end() {},
  }
}

function drawBar(line: StageLine, labelWidth: number): string {
  const head = `${MARKS[line.status] ?? ' '} ${pad(line.label, labelWidth)}`
  if (line.status === 'waiting') return `${head}  ${figure(line)}`.trimEnd()
  if (line.status !== 'running' && line.status !== 'completed') return `${head}  ${describe(line)}`
  const filled = Math.round((line.status === 'completed' ? 1 : line.fraction) * BAR_WIDTH)
  return `${head}  ${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}  ${figure(line)}`.trimEnd()
}

/** `running`, `running, 40 %`, `completed in 3.2 s`, `skipped (the track has no lyrics)`. */
export function describe(line: StageLine): string {
  const status = line.status.replace('_', ' ')
  const said = figure(line)
  if (line.status === 'running') return line.fraction < 0.01 ? status : `${status}, ${said}`
  if (line.status === 'completed') return said ? `${status} in ${said}` : status
  return said ? `${status} (${said})` : status
}

function figure(line: StageLine): string {
  if (line.status === 'running') return `${Math.floor(line.fraction * 100)} %`
  if (line.status === 'completed') return line.seconds === null ? '' : `${line.seconds.toFixed(1)} s`
  return line.note ? oneLine(line.note) : ''
}
