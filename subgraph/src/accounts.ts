import { AccountCreated } from '../generated/Accounts/Accounts'
import { artistOf } from './artists'

/** An artist's newest account is the one the artist is found by. */
export function handleAccountCreated(event: AccountCreated): void {
  const artist = artistOf(event.params.owner)
  artist.handle = event.params.handle
  artist.account = event.params.account
  artist.metadataUri = event.params.metadataUri
  artist.createdAt = event.block.timestamp
  artist.save()
}
