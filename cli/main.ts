#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { AppError, InvalidInput } from '../worker/errors.ts'
import { createApiClient } from './client.ts'
import { type Command, commands } from './commands/index.ts'
import { messageOf } from './text.ts'

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
  // Whoever reads through `head` has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  const stopped = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort(new Error('stopped')))
  try {
    const { values, positionals } = parse(command, rest)
    if (values.help) {
      process.stdout.write(`${helpOf(command)}\n`)
      return 0
    }
    if (positionals.length > command.words) {
      throw wrongUsage(`did not expect ${positionals.slice(command.words).join(' ')}`)
    }
    const url = serverUrl(values.url ?? process.env.REFRAIN_URL)
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
    const isUsage = error instanceof InvalidInput && error.details.usage === true
    report(error, rest.includes('--json'), isUsage ? helpOf(command) : null)
    return isUsage ? 2 : 1
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
    throw wrongUsage(messageOf(error))
  }
}

function serverUrl(given: unknown): string {
  const url = typeof given === 'string' && given !== '' ? given : 'http://127.0.0.1:4000'
  const { protocol } = URL.parse(url) ?? {}
  if (protocol !== 'http:' && protocol !== 'https:')
    throw wrongUsage(`expected the server's URL to be like http://127.0.0.1:4000, got ${url}`)
  return url.replace(/\/(graphql\/?)?$/, '')
}

function wrongUsage(message: string): InvalidInput {
  return new InvalidInput(message, { details: { usage: true } })
}

function report(error: unknown, isJson: boolean, help: string | null): void {
  const message = messageOf(error)
  const code = error instanceof AppError ? error.kind : 'UNEXPECTED'
  if (isJson) process.stderr.write(`${JSON.stringify({ error: { code, message } })}\n`)
  else process.stderr.write(`refrain: ${message}\n${help ? `\n${help}\n` : ''}`)
}

function helpOf(command: Command): string {
  return `Usage: refrain ${command.usage}\n  ${command.summary}`
}

function usage(): string {
  return [
    'refrain: the command-line client of a running Refrain server',
    '',
    ...commands.flatMap((command) => [`  refrain ${command.usage}`, `      ${command.summary}`]),
    '',
    'Every command takes --json, and --url URL or REFRAIN_URL (http://127.0.0.1:4000 if not given); API_TOKEN is sent when set.',
    'Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped.',
    '',
  ].join('\n')
}
