import { expect, test } from 'vitest'
import { createLog, type LogLevel } from '../worker/log.ts'

function record(level: LogLevel) {
  const lines: string[] = []
  return {
    log: createLog(level, (line) => lines.push(line)),
    lines,
    parsed: () => lines.map((line) => JSON.parse(line)),
  }
}

test('every line is one JSON object with time, level, message and fields', () => {
  const { log, lines, parsed } = record('info')
  log.info('task ran', { task: 7, seconds: 1.5, lyric: 'two\nlines' })
  expect(lines[0]).not.toContain('\n')
  const [line] = parsed()
  expect(line).toMatchObject({ level: 'info', message: 'task ran', task: 7, seconds: 1.5, lyric: 'two\nlines' })
  expect(new Date(line.time).toISOString()).toBe(line.time)
})

test('lines below the level are not written', () => {
  const written = (level: LogLevel) => {
    const { log, parsed } = record(level)
    log.debug('d')
    log.info('i')
    log.warn('w')
    log.error('e')
    return parsed()
      .map(({ message }) => message)
      .join('')
  }
  expect(['debug', 'info', 'warn', 'error', 'silent'].map((level) => written(level as LogLevel))).toEqual([
    'diwe',
    'iwe',
    'we',
    'e',
    '',
  ])
})

test('bound fields are on every line, and later ones win', () => {
  const { log, parsed } = record('info')
  log.with({ worker: 'w1', stage: 'align' }).with({ stage: 'clip' }).warn('slow', { worker: 'w2' })
  log.info('bare')
  expect(parsed()).toMatchObject([{ worker: 'w2', stage: 'clip' }, { message: 'bare' }])
  expect(parsed()[1]).not.toHaveProperty('worker')
})

test('errors are written with stack and causes', () => {
  const { log, parsed } = record('error')
  log.error('it failed', {
    error: new TypeError('outer', { cause: new Error('inner', { cause: new RangeError('root') }) }),
  })
  const [{ error }] = parsed()
  expect(error).toMatchObject({
    name: 'TypeError',
    message: 'outer',
    cause: { message: 'inner', cause: { name: 'RangeError' } },
  })
  expect(error.stack).toContain('log.test.ts')
})

test('values that JSON does not know never make logging throw', () => {
  const { log, parsed } = record('info')
  const circle: Record<string, unknown> = {}
  circle.self = circle
  const loop = new Error('loop')
  loop.cause = loop
  log.info('big', { size: 12n, none: undefined, symbol: Symbol('s'), notANumber: Number.NaN })
  log.info('circle', { circle })
  log.info('loop', { loop })
  log.info('hostile', {
    toJSON: () => {
      throw new Error('no')
    },
  })
  log.info(
    'getter',
    Object.defineProperty({}, 'x', {
      enumerable: false,
      get: () => {
        throw new Error('no')
      },
    }),
  )
  expect(parsed()[0]).toMatchObject({ message: 'big', size: '12', notANumber: null })
  expect(parsed().map(({ message }) => message)).toEqual(['big', 'circle', 'loop', 'hostile', 'getter'])
})
