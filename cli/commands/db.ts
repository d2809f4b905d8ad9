import { InvalidInput } from '../../worker/errors.ts'
import { table } from './arguments.ts'
import type { Command } from './index.ts'

export const db: Command = {
  name: 'db',
  usage: 'db migrate | db status',
  words: 1,
  summary: 'brings the database to the newest schema, or lists what is applied; needs no server',
  options: {},
  async run({ positionals, isJson, print }) {
    const [action] = positionals
    if (action !== 'migrate' && action !== 'status')
      throw new InvalidInput('expected db migrate or db status', { details: { usage: true } })
    // Loads every pipeline, which the other commands need not wait for.
    const { visitDatabase } = await import('../database.ts')
    const migrations = await visitDatabase({ migrate: action === 'migrate' })
    if (isJson) {
      print(JSON.stringify(migrations))
      return 0
    }
    const rows = migrations.map(({ name, appliedAt }) => [
      name,
      appliedAt ? `applied ${appliedAt.toISOString()}` : 'pending',
    ])
    for (const row of table(rows)) print(row)
    const pending = migrations.filter((one) => !one.appliedAt).length
    print(`${migrations.length - pending} applied, ${pending} pending`)
    return 0
  },
}
