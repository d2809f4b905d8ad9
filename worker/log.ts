export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
  /** The same log, with fields on every line: the task's identity, the request's id. */
  with(fields: Record<string, unknown>): Log
}

/**
 * JSON lines on standard error: `{"time", "level", "message", …fields}`. Errors become message, stack and cause;
 * anything that cannot be written as JSON is written as a string, so that logging never throws.
 */
export function createLog(
  level: LogLevel,
  write: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
  bound: Record<string, unknown> = {},
): Log {
  const threshold = LOG_LEVELS.indexOf(level)
  const at =
    (name: Exclude<LogLevel, 'silent'>) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      if (LOG_LEVELS.indexOf(name) < threshold) return
      write(serialize({ time: new Date().toISOString(), level: name, message, ...bound, ...fields }))
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => createLog(level, write, { ...bound, ...fields }),
  }
}

function serialize(line: Record<string, unknown>): string {
  try {
    return JSON.stringify(line, (_key, value: unknown) => {
      if (value instanceof Error) return describeError(value)
      return typeof value === 'bigint' ? value.toString() : value
    })
  } catch {
    return JSON.stringify({
      time: line.time,
      level: line.level,
      message: String(line.message),
      fields: 'not serializable',
    })
  }
}

function describeError(error: Error): Record<string, unknown> {
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    ...(error.cause instanceof Error ? { cause: describeError(error.cause) } : {}),
  }
}
