/** A question to the chain at one block. */
export type Call =
  | { readonly method: 'call'; readonly to: string; readonly data: string; readonly blockHash: string }
  | { readonly method: 'balance' | 'code'; readonly to: string; readonly blockHash: string }

/** What the chain said: hexadecimal data, or null when the call was reverted. */
export type CallAnswer = string | null

/** Two questions with the same key have the same answer. */
export function callKey(call: Call): string {
  return `${call.blockHash}${call.to}${call.method}${call.method === 'call' ? call.data : ''}`
}
