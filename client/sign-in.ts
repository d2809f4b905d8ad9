/** What a wallet signs to be given a key: the fields of EIP-4361 that Refrain uses. */
export interface SignIn {
  /** Host, with its port, of the page or program that asks for the signature. */
  readonly domain: string
  readonly address: string
  /** The key gate, exactly as the manifest names it. */
  readonly uri: string
  /** Of the lock. */
  readonly chainId: number
  /** From the key gate; good for one release. */
  readonly nonce: string
  /** ISO 8601, as are the others. */
  readonly issuedAt: string
  readonly expirationTime: string
  readonly keyId: string
}

const STATEMENT = 'Open this song with the key I hold. Signing costs nothing and moves nothing.'

/** How a message names the key it asks for, among its resources. */
export const keyResource = (keyId: string) => `urn:uuid:${keyId}`

/** The text to sign. @see EIP-4361, Sign-In with Ethereum, https://eips.ethereum.org/EIPS/eip-4361 */
export function signInMessage(fields: SignIn): string {
  return [
    `${fields.domain} wants you to sign in with your Ethereum account:`,
    fields.address,
    '',
    STATEMENT,
    '',
    `URI: ${fields.uri}`,
    'Version: 1',
    `Chain ID: ${fields.chainId}`,
    `Nonce: ${fields.nonce}`,
    `Issued At: ${fields.issuedAt}`,
    `Expiration Time: ${fields.expirationTime}`,
    'Resources:',
    `- ${keyResource(fields.keyId)}`,
  ].join('\n')
}
