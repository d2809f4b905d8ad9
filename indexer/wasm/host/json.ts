import { CLASS, JSON_KIND } from '../classes.ts'
import { MappingFailed } from '../failure.ts'
import type { Heap } from '../heap.ts'
import type { HostFunctions } from '../instance.ts'
import { parseInteger } from './numbers.ts'

const MAX_JSON_BYTES = 10_000_000

/** A number as it is written, so that no digit is lost. */
class NumberText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}
type Json = null | boolean | string | NumberText | Json[] | { [name: string]: Json }

/** `json.*`. */
export function jsonFunctions(heapOf: () => Heap): HostFunctions {
  return {
    'json.fromBytes'(pointer) {
      const heap = heapOf()
      return writeJson(heap, parse(heap.bytes(pointer)))
    },
    'json.try_fromBytes'(pointer) {
      const heap = heapOf()
      try {
        const value = writeJson(heap, parse(heap.bytes(pointer)))
        return heap.writeObject([heap.writeObject([value], CLASS.WrappedJsonValue), 0], CLASS.JsonResult)
      } catch (error) {
        if (!(error instanceof MappingFailed)) throw error
        return heap.writeObject([0, heap.writeObject([1], CLASS.WrappedBool)], CLASS.JsonResult)
      }
    },
    'json.toI64': (pointer) => parseWithin(heapOf().string(pointer), -(2n ** 63n), 2n ** 63n - 1n),
    'json.toU64': (pointer) => parseWithin(heapOf().string(pointer), 0n, 2n ** 64n - 1n),
    'json.toF64'(pointer) {
      const text = heapOf().string(pointer)
      const value = Number(text)
      if (text.trim() !== text || text === '' || Number.isNaN(value))
        throw new MappingFailed(`JSON "${text}" is no number`)
      return value
    },
    'json.toBigInt'(pointer) {
      const heap = heapOf()
      return heap.writeBigInt(parseInteger(heap.string(pointer)))
    },
  }
}

function parseWithin(text: string, least: bigint, most: bigint): bigint {
  const value = parseInteger(text)
  if (value < least || value > most) throw new MappingFailed(`JSON ${text} does not fit into 64 bits`)
  return value
}

function parse(bytes: Uint8Array): Json {
  if (bytes.length > MAX_JSON_BYTES) throw new MappingFailed(`JSON of ${bytes.length} bytes is above ${MAX_JSON_BYTES}`)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return JSON.parse(text, keepDigits) as Json
  } catch (cause) {
    const start = JSON.stringify(Buffer.from(bytes.subarray(0, 80)).toString('utf8'))
    throw new MappingFailed(`bytes that begin with ${start} are no JSON`, { cause })
  }
}

function keepDigits(_name: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? new NumberText(context?.source ?? String(value)) : value
}

function writeJson(heap: Heap, value: Json): number {
  if (value === null) return heap.writeTagged(JSON_KIND.null, 0, CLASS.JsonValue)
  if (typeof value === 'boolean') return heap.writeTagged(JSON_KIND.bool, value ? 1 : 0, CLASS.JsonValue)
  if (typeof value === 'string') return heap.writeTagged(JSON_KIND.string, heap.writeString(value), CLASS.JsonValue)
  if (value instanceof NumberText) {
    return heap.writeTagged(JSON_KIND.number, heap.writeString(value.text), CLASS.JsonValue)
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => writeJson(heap, item))
    return heap.writeTagged(JSON_KIND.array, heap.writeArray(items, CLASS.ArrayJsonValue), CLASS.JsonValue)
  }
  const entries = Object.entries(value).map(([name, item]) =>
    heap.writeObject([heap.writeString(name), writeJson(heap, item)], CLASS.JsonEntry),
  )
  const map = heap.writeObject([heap.writeArray(entries, CLASS.ArrayJsonEntry)], CLASS.JsonMap)
  return heap.writeTagged(JSON_KIND.object, map, CLASS.JsonValue)
}
