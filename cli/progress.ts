/** What a stage line shows. */
export interface StageLine {
  readonly label: string
  /** A task status in lower case, or `waiting` before there is a task. */
  readonly status: string
  /** 0…1 */
  readonly fraction: number
  readonly seconds: number | null
  /** Why it was skipped or failed. */
  readonly note: string | null
}

export interface ProgressView {
  update(lines: readonly StageLine[]): void
  /** Leaves the last state on the screen. */
  end(): void
}

const BAR_WIDTH = 24
const STEP = 0.1
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

/** Bars that move on a terminal; when piped, one plain line for each change of status and every tenth of progress. */
export function createProgressView(out: NodeJS.WriteStream): ProgressView {
  return out.isTTY ? createBars(out) : createPlainLines(out)
}

function createBars(out: NodeJS.WriteStream): ProgressView {
  let height = 0
  return {
    update(lines) {
      const width = Math.max(20, (out.columns ?? 80) - 1)
      const text = lines.map((line) => `${drawBar(line).slice(0, width)}\u001b[K`).join('\n')
      out.write(`${height > 0 ? `\u001b[${height}A\r` : ''}${text}\n`)
      height = lines.length
    },
    end() {
      height = 0
    },
  }
}

function createPlainLines(out: NodeJS.WriteStream): ProgressView {
  const told = new Map<string, { status: string; step: number }>()
  return {
    update(lines) {
      for (const line of lines) {
        if (line.status === 'waiting') continue
        const step = line.status === 'running' ? Math.floor(line.fraction / STEP) : 0
        const before = told.get(line.label)
        if (before?.status === line.status && before.step >= step) continue
        told.set(line.label, { status: line.status, step })
        out.write(`${describe(line)}\n`)
      }
    },
    end() {},
  }
}

function drawBar(line: StageLine): string {
  const filled = Math.round((line.status === 'completed' ? 1 : line.fraction) * BAR_WIDTH)
  const bar =
    line.status === 'running' || line.status === 'completed'
      ? '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled)
      : '░'.repeat(BAR_WIDTH)
  return `${MARKS[line.status] ?? ' '} ${line.label.padEnd(16)} ${bar} ${tail(line)}`
}

const describe = (line: StageLine) => `${line.label} ${line.status.replace('_', ' ')} ${tail(line)}`.trimEnd()

function tail(line: StageLine): string {
  const seconds = line.seconds === null ? '' : `${line.seconds.toFixed(1)} s`
  if (line.status === 'running') return `${Math.floor(line.fraction * 100)} %`
  if (line.status === 'completed') return seconds
  if (line.status === 'waiting' || line.status === 'pending') return line.note ?? ''
  return [line.status.replace('_', ' '), line.note ? `(${line.note})` : ''].filter(Boolean).join(' ')
}
