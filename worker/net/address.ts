import ipaddr from 'ipaddr.js'

/** Public IPv6 is 2000::/3; whatever else routes somewhere (IPv4-compatible, site-local, unassigned) is not a place to fetch from. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3')
/** A cloud's metadata and control address that lies in public space (Azure). The others are link-local, CGNAT or unique local. */
const METADATA = new Set(['168.63.129.16'])

/**
 * Whether an IP address is on the public internet. Loopback, private, link-local, CGNAT, multicast, reserved and documentation
 * ranges are not, nor is IPv6 that carries an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo), nor clouds' metadata.
 *
 * @param address IPv4 in dotted or IPv6 in any text form; text that is no address is not public
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address) || METADATA.has(address)) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== 'unicast') return false
  return !(parsed instanceof ipaddr.IPv6) || (parsed.zoneId === undefined && parsed.match(GLOBAL_IPV6))
}
