import { AbiMismatch, type AbiValue, decodeAbi, encodeAbi, fitsType } from '../abi.ts'
import { abiType } from '../abi-types.ts'
import type { Call } from '../calls.ts'
import { CLASS } from '../classes.ts'
import { readEthereumValue, writeEthereumValue, writeEthereumValues } from '../ethereum-values.ts'
import { MappingFailed, Missing } from '../failure.ts'
import type { HostFunctions } from '../instance.ts'
import type { HostSurroundings } from '../running.ts'

/** `ethereum.*`. */
export function ethereumFunctions({ running, heap: heapOf, answerOf }: HostSurroundings): HostFunctions {
  const ask = (call: Call): string | null => {
    const answer = answerOf(call)
    if (answer === undefined) throw new Missing({ kind: 'call', call })
    return answer
  }
  return {
    'ethereum.call'(pointer) {
      const heap = heapOf()
      const { source, block } = running()
      const contract = heap.string(heap.word(pointer))
      const to = heap.hex(heap.word(pointer + 4))
      const signature = heap.string(heap.word(pointer + 12))
      const values = heap.pointers(heap.word(pointer + 16)).map((value) => readEthereumValue(heap, value))
      const called = source.definition.functions.get(`${contract}.${signature}`)
      if (!called)
        throw new MappingFailed(`the ABI ${contract} of ${source.definition.name} has no function ${signature}`)
      assertArguments(signature, values, called.inputs)
      const data = called.selector + encodeAbi(values).toString('hex')
      const answer = ask({ method: 'call', to, data, blockHash: block.hash })
      // A view that gives back nothing counts as reverted, and so does what is not of the declared form.
      if (answer === null || answer === '0x') return 0
      try {
        return writeEthereumValues(heap, decodeAbi(called.outputs, Buffer.from(answer.slice(2), 'hex')))
      } catch (error) {
        if (error instanceof AbiMismatch) return 0
        throw error
      }
    },
    'ethereum.encode'(pointer) {
      const heap = heapOf()
      return heap.writeBytes(encodeAbi([readEthereumValue(heap, pointer)]))
    },
    'ethereum.decode'(typePointer, dataPointer) {
      const heap = heapOf()
      const data = heap.bytes(dataPointer)
      const text = heap.string(typePointer)
      try {
        const [value] = decodeAbi([abiType({ type: text })], data)
        return writeEthereumValue(heap, value)
      } catch (error) {
        if (error instanceof MappingFailed) throw error
        return 0
      }
    },
    'ethereum.getBalance'(pointer) {
      const heap = heapOf()
      const { block } = running()
      return heap.writeBigInt(BigInt(ask({ method: 'balance', to: heap.hex(pointer), blockHash: block.hash }) ?? 0))
    },
    'ethereum.hasCode'(pointer) {
      const heap = heapOf()
      const { block } = running()
      const code = ask({ method: 'code', to: heap.hex(pointer), blockHash: block.hash })
      return heap.writeObject([code && code !== '0x' ? 1 : 0], CLASS.WrappedBool)
    },
  }
}

function assertArguments(
  signature: string,
  values: readonly AbiValue[],
  inputs: readonly ReturnType<typeof abiType>[],
): void {
  const fits = values.length === inputs.length && values.every((value, index) => fitsType(value, inputs[index]))
  if (!fits) throw new MappingFailed(`${signature} was called with arguments of other types`)
}
