import { keccak256 } from 'viem'
import { MappingFailed } from '../failure.ts'
import type { Heap } from '../heap.ts'
import type { HostFunctions } from '../instance.ts'

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** `typeConversion.*` and `crypto.*`. */
export function conversionFunctions(heapOf: () => Heap): HostFunctions {
  return {
    'typeConversion.bytesToString'(pointer) {
      const heap = heapOf()
      // Fixed-size fields are filled up with zero bytes; what is no UTF-8 becomes replacement characters.
      return heap.writeString(Buffer.from(heap.bytes(pointer)).toString('utf8').replace(/\0+$/, ''))
    },
    'typeConversion.bytesToHex'(pointer) {
      const heap = heapOf()
      return heap.writeString(heap.hex(pointer))
    },
    'typeConversion.bigIntToString'(pointer) {
      const heap = heapOf()
      return heap.writeString(heap.bigInt(pointer).toString())
    },
    'typeConversion.bigIntToHex'(pointer) {
      const heap = heapOf()
      const value = heap.bigInt(pointer)
      // Of the magnitude, as graph-node does.
      return heap.writeString(`0x${(value < 0n ? -value : value).toString(16)}`)
    },
    'typeConversion.stringToH160'(pointer) {
      const heap = heapOf()
      return heap.writeHex(parseAddress(heap.string(pointer)))
    },
    'typeConversion.bytesToBase58'(pointer) {
      const heap = heapOf()
      return heap.writeString(toBase58(heap.bytes(pointer)))
    },
    'crypto.keccak256'(pointer) {
      const heap = heapOf()
      return heap.writeHex(keccak256(heap.bytes(pointer)))
    },
  }
}

/**
 * @param text 40 hexadecimal digits, with or without `0x`
 * @returns in lower case
 */
export function parseAddress(text: string): string {
  const digits = /^(?:0x)?([0-9a-fA-F]{40})$/.exec(text)?.[1]
  if (!digits) throw new MappingFailed(`"${text}" is no address`)
  return `0x${digits.toLowerCase()}`
}

function toBase58(bytes: Uint8Array): string {
  let zeros = 0
  while (zeros < bytes.length && bytes[zeros] === 0) zeros++
  let value = BigInt(`0x0${Buffer.from(bytes).toString('hex')}`)
  let text = ''
  for (; value > 0n; value /= 58n) text = BASE58[Number(value % 58n)] + text
  return '1'.repeat(zeros) + text
}
