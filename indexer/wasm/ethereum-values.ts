import type { AbiValue } from './abi.ts'
import { CLASS, ETHEREUM } from './classes.ts'
import { MappingFailed } from './failure.ts'
import type { Heap } from './heap.ts'

/** Reads an `ethereum.Value`. */
export function readEthereumValue(heap: Heap, pointer: number): AbiValue {
  const kind = heap.word(pointer)
  const payload = heap.word(pointer + 8)
  switch (kind) {
    case ETHEREUM.address:
    case ETHEREUM.fixedBytes:
    case ETHEREUM.bytes:
    case ETHEREUM.function:
      return { kind, bytes: heap.bytes(payload) }
    case ETHEREUM.int:
    case ETHEREUM.uint:
      return { kind, value: heap.bigInt(payload) }
    case ETHEREUM.bool:
      return { kind, isTrue: (payload & 0xff) !== 0 }
    case ETHEREUM.string:
      return { kind, text: heap.string(payload) }
    case ETHEREUM.array:
    case ETHEREUM.fixedArray:
    case ETHEREUM.tuple:
      return { kind, items: heap.pointers(payload).map((item) => readEthereumValue(heap, item)) }
    default:
      throw new MappingFailed(`an ethereum.Value has the unknown kind ${kind}`)
  }
}

export function writeEthereumValue(heap: Heap, value: AbiValue): number {
  return heap.writeTagged(value.kind, writePayload(heap, value), CLASS.EthereumValue)
}

function writePayload(heap: Heap, value: AbiValue): number {
  if ('bytes' in value) return heap.writeBytes(value.bytes)
  if ('value' in value) return heap.writeBigInt(value.value)
  if ('text' in value) return heap.writeString(value.text)
  if ('isTrue' in value) return value.isTrue ? 1 : 0
  return writeEthereumValues(heap, value.items)
}

export const writeEthereumValues = (heap: Heap, values: readonly AbiValue[]): number =>
  heap.writeArray(
    values.map((value) => writeEthereumValue(heap, value)),
    CLASS.ArrayEthereumValue,
  )
