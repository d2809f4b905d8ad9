import { Blocked } from '../../errors.ts'
import type { Catalogue } from './contract.ts'

const REASON =
  'a catalogue of published music is not to be had without the network: set CATALOGUE_PROVIDER=spotify, or give title and artists with the track'

/** Knows no track and says so; what the file's own tags say comes from elsewhere. */
export const embeddedCatalogue: Catalogue = {
  unavailableReason: REASON,
  async track(_id, { signal }) {
    signal.throwIfAborted()
    throw new Blocked(REASON)
  },
}
