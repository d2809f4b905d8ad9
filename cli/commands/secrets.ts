import { InvalidInput } from '../../worker/errors.ts'
import type { Command } from './index.ts'

export const secrets: Command = {
  name: 'secrets',
  usage: 'secrets rotate',
  words: 1,
  summary: 'encrypts wallets and content keys anew under a new master key; needs no server',
  options: {},
  async run({ positionals, isJson, print }) {
    if (positionals[0] !== 'rotate') throw new InvalidInput('expected secrets rotate', { details: { usage: true } })
    // Loads what the other commands need not wait for.
    const { rotateSecrets } = await import('../secrets.ts')
    const { resealed, kept } = await rotateSecrets(process.env)
    if (isJson) {
      print(JSON.stringify({ resealed, kept }))
      return 0
    }
    print(`${resealed} secret${resealed === 1 ? '' : 's'} encrypted anew`)
    print(`Back up ${kept}, and restart every process of this server: they still have the old key.`)
    return 0
  },
}
