import { lookup as dnsLookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { InvalidInput, ProviderUnavailable } from '../errors.ts'
import { isPublicAddress } from './address.ts'
import { displayUrl } from './redact.ts'

/** A URL that may be tried, before its address is known. */
export interface Target {
  readonly url: URL
  /** For messages: name and port. */
  readonly host: string
  /** Name or IP address, without the brackets of IPv6. */
  readonly hostname: string
}

/** Finds all addresses of a name. */
export type Lookup = (hostname: string) => Promise<readonly string[]>

/**
 * Checks a URL's form. Odd spellings of IPv4 (decimal, octal, hexadecimal, short) become plain addresses here.
 *
 * @throws InvalidInput when it is no http or https URL, or carries a user name or password
 */
export function parseTarget(text: string, base?: URL): Target {
  const url = URL.parse(text, base?.href)
  if (!url) throw new InvalidInput('expected a URL such as https://example.com/song.mp3, got something else')
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new InvalidInput(`expected an http or https URL, got ${url.protocol}`)
  }
  if (url.username || url.password) {
    throw new InvalidInput(`${displayUrl(url)}: a URL with a user name or password is not fetched; remove them`)
  }
  return { url, host: url.host, hostname: url.hostname.replace(/^\[|\]$/g, '') }
}

/**
 * The addresses a target may be connected to, IPv4 first.
 *
 * @throws InvalidInput when any of them is not public: a name with one private address is not to be trusted with the others
 * @throws ProviderUnavailable when the name cannot be resolved now
 */
export async function resolveTarget(
  target: Target,
  reach: { readonly allowAddress?: (address: string) => boolean; readonly lookup?: Lookup },
): Promise<readonly string[]> {
  const { hostname } = target
  const addresses = isIP(hostname) ? [hostname] : await namedAddresses(hostname, reach.lookup ?? systemLookup)
  if (addresses.length === 0) throw new InvalidInput(`${hostname} has no address: check the URL`)
  const isAllowed = (address: string) => isPublicAddress(address) || (reach.allowAddress?.(address) ?? false)
  if (!addresses.every(isAllowed)) {
    throw new InvalidInput(`${hostname} is not on the public internet: only public addresses are fetched`)
  }
  return addresses.toSorted((a, b) => isIP(a) - isIP(b))
}

async function namedAddresses(hostname: string, lookup: Lookup): Promise<readonly string[]> {
  try {
    return await lookup(hostname)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : null
    if (code === 'ENOTFOUND' || code === 'ENODATA') {
      throw new InvalidInput(`${hostname} is not known to the name service: check the URL`, { cause })
    }
    throw new ProviderUnavailable(hostname, 'the name could not be resolved', { cause })
  }
}

const systemLookup: Lookup = async (hostname) =>
  (await dnsLookup(hostname, { all: true, verbatim: true })).map(({ address }) => address)
