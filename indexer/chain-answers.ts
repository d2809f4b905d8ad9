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
 * @throws what `Rpc` throws when the node cannot say
 */
export async function askChain(rpc: Rpc, calls: readonly Call[]): Promise<CallAnswer[]> {
  const answers = await rpc.askAll(calls.map(toRequest), Hex)
  return answers.map((answer, index) => {
    if (!(answer instanceof RpcFault)) return answer.toLowerCase()
    if (calls[index].method === 'call' && isRevert(answer)) return null
    throw new NodeContradiction(`it cannot answer a call at block ${calls[index].blockHash}: ${answer.message}`)
  })
}

function toRequest(call: Call): RpcRequest {
  const block = { blockHash: call.blockHash }
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
