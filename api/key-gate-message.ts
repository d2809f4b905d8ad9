import { type Address, isAddress } from 'viem'
import { keyResource } from '../client/sign-in.ts'
import { KeyGateProblem } from './key-gate-problem.ts'

const MAX_MESSAGE_LENGTH = 4_000
/** How far a signer's clock may be ahead of ours. */
const CLOCK_SKEW_MS = 60_000

const INSTANT = String.raw`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})`
const URI = String.raw`[\x21-\x7e]+`
/** The grammar of EIP-4361, from the first sign to the last. */
const MESSAGE = new RegExp(
  [
    String.raw`^(?:(?<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://)?(?<domain>[A-Za-z0-9.\[\]:_-]+) wants you to sign in with your Ethereum account:`,
    '(?<address>0x[0-9a-fA-F]{40})',
    '',
    String.raw`(?:(?<statement>[\x20-\x7e]+)\n)?`,
    `URI: (?<uri>${URI})`,
    'Version: 1',
    String.raw`Chain ID: (?<chainId>\d{1,15})`,
    'Nonce: (?<nonce>[a-zA-Z0-9]{8,128})',
    `Issued At: (?<issuedAt>${INSTANT})`,
  ].join(String.raw`\n`) +
    String.raw`(?:\nExpiration Time: (?<expirationTime>${INSTANT}))?` +
    String.raw`(?:\nNot Before: (?<notBefore>${INSTANT}))?` +
    String.raw`(?:\nRequest ID: (?<requestId>[\x20-\x7e]*))?` +
    String.raw`(?:\nResources:(?<resources>(?:\n- ${URI})*))?$`,
)

/** A message whose form is right; nothing in it is checked yet. */
export interface ReadMessage {
  readonly domain: string
  readonly address: Address
  readonly uri: string
  readonly chainId: number
  readonly nonce: string
  readonly issuedAt: Date
  readonly expirationTime: Date | null
  readonly notBefore: Date | null
  readonly resources: readonly string[]
}

/**
 * Reads a Sign-In-with-Ethereum message, the whole of it: text before, between or after the fields is an error.
 *
 * @throws KeyGateProblem BAD_MESSAGE
 * @see EIP-4361, https://eips.ethereum.org/EIPS/eip-4361
 */
export function readMessage(text: string): ReadMessage {
  const fields = text.length <= MAX_MESSAGE_LENGTH ? MESSAGE.exec(text)?.groups : undefined
  if (!fields) {
    throw new KeyGateProblem(
      'BAD_MESSAGE',
      'expected a Sign-In-with-Ethereum message (EIP-4361, version 1), got another text',
    )
  }
  // In lower case throughout an address has no checksum; in mixed case it must be right.
  if (!isAddress(fields.address)) throw new KeyGateProblem('BAD_MESSAGE', 'the address has a wrong checksum (EIP-55)')
  return {
    domain: fields.domain,
    address: fields.address,
    uri: fields.uri,
    chainId: Number(fields.chainId),
    nonce: fields.nonce,
    issuedAt: instant(fields.issuedAt),
    expirationTime: fields.expirationTime ? instant(fields.expirationTime) : null,
    notBefore: fields.notBefore ? instant(fields.notBefore) : null,
    resources: fields.resources?.split('\n- ').slice(1) ?? [],
  }
}

/** What the message must say to be about this key, at this gate, now. @throws KeyGateProblem with the first thing that is not so */
export function checkMessage(
  message: ReadMessage,
  expected: {
    readonly domains: readonly string[]
    readonly gateUrl: string
    readonly chainId: number
    readonly keyId: string
    readonly nowMs: number
  },
): void {
  const { domains, gateUrl, chainId, keyId, nowMs } = expected
  if (!domains.includes(message.domain)) {
    throw new KeyGateProblem(
      'WRONG_DOMAIN',
      `expected a message for ${domains.join(' or ')}, got one for ${message.domain}`,
    )
  }
  if (message.uri !== gateUrl) throw new KeyGateProblem('WRONG_URI', `expected the URI ${gateUrl}, got ${message.uri}`)
  if (message.chainId !== chainId) {
    throw new KeyGateProblem('WRONG_CHAIN', `expected the lock's chain ${chainId}, got ${message.chainId}`)
  }
  if (!message.resources.includes(keyResource(keyId))) {
    throw new KeyGateProblem('WRONG_KEY', `expected ${keyResource(keyId)} among the resources`)
  }
  if (message.issuedAt.getTime() > nowMs + CLOCK_SKEW_MS || (message.notBefore?.getTime() ?? 0) > nowMs) {
    throw new KeyGateProblem(
      'NOT_YET_VALID',
      'the message is of the future: check the clock, and use the issuedAt that came with the nonce',
    )
  }
  if (message.expirationTime && message.expirationTime.getTime() <= nowMs) {
    throw new KeyGateProblem('EXPIRED', 'the message has expired: take a new nonce and sign again')
  }
}

function instant(text: string): Date {
  const date = new Date(text)
  if (Number.isNaN(date.getTime())) throw new KeyGateProblem('BAD_MESSAGE', `expected an instant, got ${text}`)
  return date
}
