import { Address } from '@graphprotocol/graph-ts'
import { Artist } from '../generated/schema'

/** The artist of a wallet, who exists from the first account or lock. */
export function artistOf(wallet: Address): Artist {
  const known = Artist.load(wallet)
  return known === null ? new Artist(wallet) : known
}
