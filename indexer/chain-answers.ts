import { z } from 'zod'
import { NodeContradiction, type Rpc, RpcFault, type RpcRequest } from './rpc.ts'
import type { Call, CallAnswer } from './wasm/calls.ts'

/** As graph-node sends it: a call that needs more counts as reverted everywhere. */
const CALL_GAS = '0x2faf080'

const Hex = z.string().regex(/^0x[0-9a-fA-F]*$/)

/**
 * Words by which nodes say that the contract itself failed, which it will do again. Everything else may be the node's own trouble.
 */
const REVERT_WORDS = [
  'revert',
  'invalid jump',
  'invalidjump',
  'bad jump',
  'invalid opcode',
  'invalidfeopcode',
  'opcodenotfound',
  'notactivated',
  'bad instruction',
  'out of gas',
  'outofgas',
  'stack limit reached',
  'out of stack',
  'stack underflow',
  'stackunderflow',
  'stackoverflow',
  'vm execution error',
]

/**
 * Asks the chain's node what handlers want to know of contracts.
 *
 * An embedded chain that was killed comes back with all blocks but without the states of past ones. It is asked for the state of
 * now instead of never being asked anything again: whatever has changed since then is told by a later event, so what stands in
 * the end is right, and only of a moment in between more may be said than was so.
 *
 * @throws what `Rpc` throws when the node cannot say
 */
export async function askChain(rpc: Rpc, calls: readonly Call[]): Promise<CallAnswer[]> {
  const answers = await rpc.askAll(
    calls.map((call) => toRequest(call, { blockHash: call.blockHash })),
    Hex,
  )
  const forgotten = [...calls.keys()].filter((index) => isForgotten(answers[index]))
  if (forgotten.length > 0) {
    const ofNow = await rpc.askAll(
      forgotten.map((index) => toRequest(calls[index], 'latest')),
      Hex,
    )
    forgotten.forEach((index, position) => {
      answers[index] = ofNow[position]
    })
  }
  return answers.map((answer, index) => {
    if (!(answer instanceof RpcFault)) return answer.toLowerCase()
    if (calls[index].method === 'call' && isRevert(answer)) return null
    throw new NodeContradiction(`it cannot answer a call at block ${calls[index].blockHash}: ${answer.message}`)
  })
}

/** Anvil's words, and nobody else's, for a block it has without its state. For one it does not have it names a higher number. */
function isForgotten(answer: string | RpcFault): boolean {
  if (!(answer instanceof RpcFault)) return false
  const [, height, asked] =
    /BlockOutOfRangeError: block height is (\d+) but requested was (\d+)/.exec(answer.message) ?? []
  return asked !== undefined && Number(asked) <= Number(height)
}

function toRequest(call: Call, block: { readonly blockHash: string } | 'latest'): RpcRequest {
  switch (call.method) {
    case 'call':
      return { method: 'eth_call', parameters: [{ to: call.to, data: call.data, gas: CALL_GAS }, block] }
    case 'balance':
      return { method: 'eth_getBalance', parameters: [call.to, block] }
    case 'code':
      return { method: 'eth_getCode', parameters: [call.to, block] }
  }
}

function isRevert(fault: RpcFault): boolean {
  const text = `${fault.message} ${typeof fault.data === 'string' ? fault.data : ''}`.toLowerCase()
  return fault.code === 3 || REVERT_WORDS.some((word) => text.includes(word))
}
