import { z } from 'zod'
import manifest from '../../../package.json' with { type: 'json' }

/** MusicBrainz and Wikidata block callers who do not say how to reach them. */
export const contactVariable = z
  .string()
  .regex(/^[\x21-\x7e]*[@.][\x21-\x7e]*$/, 'expected an e-mail or web address')
  .meta({ description: 'e-mail or web address at which open music databases can reach who runs this server' })

/** The header that tells a service who asks. */
export function userAgent(contact: string): Readonly<Record<string, string>> {
  return { 'user-agent': `Refrain/${manifest.version} ( ${contact} )` }
}
