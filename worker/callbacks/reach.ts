import ipaddr from 'ipaddr.js'
import { InvalidInput, ProviderUnavailable } from '../errors.ts'
import { isPublicAddress } from '../net/address.ts'
import { type Lookup, resolveTarget, type Target } from '../net/target.ts'

/** What a network of one's own is made of. Never link-local, where clouds keep their metadata. */
const PRIVATE_RANGES = new Set<string>(['loopback', 'private', 'uniqueLocal', 'carrierGradeNat'])

/**
 * The addresses a callback may be sent to, resolved once, IPv4 first.
 *
 * @throws InvalidInput when any of them is out of reach: that will not pass
 * @throws ProviderUnavailable when the name is not known now: its owner may be away for a while
 */
export async function reachTarget(
  target: Target,
  options: { readonly allowPrivate: boolean; readonly lookup?: Lookup },
): Promise<readonly string[]> {
  const addresses = await findAddresses(target, options.lookup)
  const isAllowed = (address: string) => isPublicAddress(address) || (options.allowPrivate && isPrivateAddress(address))
  if (addresses.every(isAllowed)) return addresses
  const advice = options.allowPrivate ? '' : ': set WEBHOOK_ALLOW_PRIVATE=true to call back inside your own network'
  throw new InvalidInput(`${target.hostname} is not on the public internet${advice}`)
}

async function findAddresses(target: Target, lookup: Lookup | undefined): Promise<readonly string[]> {
  try {
    return await resolveTarget(target, { allowAddress: () => true, ...(lookup ? { lookup } : {}) })
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error
    throw new ProviderUnavailable(target.host, error.message, { cause: error })
  }
}

function isPrivateAddress(address: string): boolean {
  return ipaddr.isValid(address) && PRIVATE_RANGES.has(ipaddr.parse(address).range())
}
