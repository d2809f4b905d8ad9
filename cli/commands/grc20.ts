import { InvalidInput } from '../../worker/errors.ts'
import type { BatchServices } from '../../worker/pipelines/artist/grc20/batch.ts'
import type { PublishedEdit } from '../../worker/pipelines/artist/grc20/edit.ts'
import { oneLine } from '../text.ts'
import type { Command } from './index.ts'

type Work = (services: BatchServices) => Promise<readonly PublishedEdit[]>

/** What each word does. Loaded when it is asked for: the other commands need neither pipelines nor chains. */
const ACTIONS: Readonly<Record<string, () => Promise<Work>>> = {
  'setup-space': async () => (await import('../../worker/pipelines/artist/grc20/setup-space.ts')).setUpSpace,
  mint: async () => (await import('../../worker/pipelines/artist/grc20/mint-all.ts')).mintAll,
  'update-artist-metadata': async () =>
    (await import('../../worker/pipelines/artist/grc20/update-all.ts')).updateArtists,
  'update-work-metadata': async () => (await import('../../worker/pipelines/artist/grc20/update-all.ts')).updateWorks,
}

export const grc20: Command = {
  name: 'grc20',
  usage: `grc20 ${Object.keys(ACTIONS).join(' | ')}`,
  words: 1,
  summary: 'publishes artists and works in the metadata space, many in one edit; needs no server',
  options: {},
  async run({ positionals, isJson, signal, print }) {
    const [word = ''] = positionals
    const action = Object.hasOwn(ACTIONS, word) ? ACTIONS[word] : undefined
    if (!action)
      throw new InvalidInput(`expected grc20 ${Object.keys(ACTIONS).join(', ')}`, { details: { usage: true } })
    const [work, { visitSpace }] = await Promise.all([action(), import('../space.ts')])
    const edits = await visitSpace(process.env, signal, work)
    if (isJson) {
      print(JSON.stringify(edits.map(({ rows: _, ...edit }) => edit)))
      return 0
    }
    for (const edit of edits) {
      print(`${edit.kind}: ${oneLine(edit.name)}`)
      print(`  CID          ${edit.cid}`)
      print(`  transaction  ${edit.txHash} (chain ${edit.chainId}, block ${edit.blockNumber})`)
    }
    if (edits.length === 0) print('nothing to publish')
    return 0
  },
}
