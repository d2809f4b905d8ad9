#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { AppError, InvalidInput } from '../worker/errors.ts'
import { createApiClient } from './client.ts'
import { type Command, commands } from './commands/index.ts'

/** `refrain COMMAND …`: the command-line client of a running server. */
process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args
  if (!name || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(usage())
    return name ? 0 : 2
  }
  const command = commands.find((one) => one.name === name)
  if (!command) {
    process.stderr.write(`refrain: there is no command ${name}\n\n${usage()}`)
    return 2
  }
  const stopped = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort(new Error('stopped')))
  try {
    const { values, positionals } = parse(command, rest)
    if (values.help) {
      process.stdout.write(`${helpOf(command)}\n`)
      return 0
    }
    const url = String(values.url ?? process.env.REFRAIN_URL ?? 'http://127.0.0.1:4000').replace(/\/(graphql\/?)?$/, '')
    const api = createApiClient(url, process.env.API_TOKEN)
    return await command.run({
      api,
      values,
      positionals,
      isJson: values.json === true,
      signal: stopped.signal,
      print: (line) => process.stdout.write(`${line}\n`),
    })
  } catch (error) {
    if (stopped.signal.aborted) return 130
    report(error, rest.includes('--json'))
    return error instanceof InvalidInput && error.details.usage ? 2 : 1
  }
}

function parse(command: Command, args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...command.options,
        url: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    return { values: values as Record<string, string | boolean | string[] | undefined>, positionals }
  } catch (error) {
    throw new InvalidInput(`${error instanceof Error ? error.message : error}\n${helpOf(command)}`, {
      details: { usage: true },
    })
  }
}

function report(error: unknown, isJson: boolean): void {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof AppError ? error.kind : 'UNEXPECTED'
  process.stderr.write(isJson ? `${JSON.stringify({ error: { code, message } })}\n` : `refrain: ${message}\n`)
}

const helpOf = (command: Command) => `refrain ${command.usage}\n  ${command.summary}`

function usage(): string {
  const width = Math.max(...commands.map((command) => command.usage.length))
  return [
    'refrain: the command-line client of a running Refrain server',
    '',
    ...commands.map((command) => `  ${command.usage.padEnd(width)}  ${command.summary}`),
    '',
    'Every command takes --json, and --url URL or REFRAIN_URL (http://127.0.0.1:4000 if not given); API_TOKEN is sent when set.',
    'Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped.',
    '',
  ].join('\n')
}
