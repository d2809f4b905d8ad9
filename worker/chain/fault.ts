import { type Abi, BaseError, decodeErrorResult, type Hex, isHex } from 'viem'
import { accountsAbi } from '../../contracts/abi/accounts.ts'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import { spaceAbi } from '../../contracts/abi/space.ts'
import { walletsAbi } from '../../contracts/abi/wallets.ts'
import { publicLockAbi, unlockAbi } from '../../contracts/unlock.ts'
import { AppError, ProviderRejected, ProviderUnavailable } from '../errors.ts'

/** Whose errors these are, in messages. */
export const CHAIN = 'chain'

/** Those of the contracts, and `Error(string)` of a `require`, which viem knows by itself. */
const errorAbi: Abi = [
  ...catalogAbi,
  ...accountsAbi,
  ...walletsAbi,
  ...spaceAbi,
  ...unlockAbi,
  ...publicLockAbi,
].filter((part) => part.type === 'error')

/** HTTP statuses and JSON-RPC codes by which a node asks us to come back later. */
const LATER_STATUSES = new Set([408, 425, 429])
const LATER_CODES = new Set([-32005, -32007, -32603, 429])
const MOST_CHARACTERS = 300

/**
 * What went wrong at the node, as an error for people: without the node's address, which the transport never tells viem.
 *
 * @returns ProviderUnavailable when asking again later may help, else ProviderRejected; with what a contract said in words
 */
export function nodeFault(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (!(error instanceof BaseError)) return unexpectedAnswer(error)
  const revert = revertDataOf(error)
  if (revert !== undefined || isRevert(error)) {
    const reason = revert === undefined ? explainText(error.details) : explainRevert(revert)
    return new ProviderRejected(CHAIN, reason, { details: { reason, ...(revert ? { data: revert } : {}) } })
  }
  const status = numberIn(error, 'status')
  const code = numberIn(error, 'code')
  const said = (error.details || error.shortMessage).replace(/\s+/g, ' ').slice(0, MOST_CHARACTERS)
  if (status !== undefined) {
    const details = { status }
    if (status >= 500 || LATER_STATUSES.has(status)) {
      return new ProviderUnavailable(CHAIN, `the node answered ${status}`, { details })
    }
    return new ProviderRejected(CHAIN, `the node answered ${status}; check CHAIN_RPC_URL`, { details })
  }
  if (code === undefined) return new ProviderUnavailable(CHAIN, `the node does not answer (${networkReason(error)})`)
  const details = { code }
  return LATER_CODES.has(code)
    ? new ProviderUnavailable(CHAIN, `the node is busy or failed: ${said}`, { details })
    : new ProviderRejected(CHAIN, `the node refused: ${said}`, { details })
}

/** The answer was not of the form that Ethereum's JSON-RPC gives it. */
export function unexpectedAnswer(cause: unknown): ProviderUnavailable {
  return new ProviderUnavailable(CHAIN, 'the node answered something that no Ethereum node answers', { cause })
}

/** What a contract said when it reverted: `Catalog_NotEmitter(0x…)`, or the text of a `require`. */
export function explainRevert(data: Hex | undefined): string {
  if (data === undefined || data === '0x') return 'reverted without a reason'
  try {
    const { errorName, args = [] } = decodeErrorResult({ abi: errorAbi, data })
    if (errorName === 'Error') return `reverted: ${args[0]}`
    return `reverted with ${errorName}(${args.map(String).join(', ')})`
  } catch {
    return `reverted with the unknown error ${data.slice(0, 138)}`
  }
}

/** Some nodes give no bytes and put the reason into their message. */
function explainText(details: string): string {
  const text = /execution reverted:?\s+(.+)/i.exec(details ?? '')?.[1]
  return text ? `reverted: ${text.slice(0, MOST_CHARACTERS)}` : explainRevert(undefined)
}

/** The bytes a contract reverted with, wherever in the chain of causes they are. */
export function revertDataOf(error: unknown): Hex | undefined {
  for (let at = error, depth = 0; at instanceof Object && depth < 8; depth++) {
    if ('data' in at && isHex(at.data)) return at.data
    at = 'cause' in at ? at.cause : undefined
  }
  return undefined
}

/** Code 3 is that of a call which reverted, @see EIP-1474's successors; some nodes only say so. */
function isRevert(error: BaseError): boolean {
  return numberIn(error, 'code') === 3 || /execution reverted/i.test(error.details ?? '')
}

function numberIn(error: BaseError, name: 'status' | 'code'): number | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const value = new Map<string, unknown>(Object.entries(at)).get(name)
    if (typeof value === 'number') return value
  }
  return undefined
}

function networkReason(error: BaseError): string {
  if (error.walk((one) => one instanceof Error && one.name === 'TimeoutError')) return 'the time allowed ran out'
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string') return at.code
  }
  return error.shortMessage.slice(0, MOST_CHARACTERS)
}
