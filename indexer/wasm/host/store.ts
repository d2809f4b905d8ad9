import type { EntityType } from '../../store/schema.ts'
import { CLASS } from '../classes.ts'
import { MappingFailed } from '../failure.ts'
import type { HostFunctions } from '../instance.ts'
import type { HostSurroundings } from '../running.ts'
import { readUpdate, writeEntity } from '../store-values.ts'

/** Longest id in bytes: what Postgres can index together with a text. */
const MAX_ID_BYTES = 1_000

/** `store.*`. */
export function storeFunctions({ schema, running, heap: heapOf }: HostSurroundings): HostFunctions {
  const typeOf = (pointer: number): EntityType => {
    const name = heapOf().string(pointer)
    const type = schema.entities.get(name)
    if (!type) throw new MappingFailed(`the schema has no entity type ${name}`)
    return type
  }
  const idOf = (type: EntityType, pointer: number): string => parseId(type, heapOf().string(pointer))
  return {
    'store.set'(typePointer, idPointer, dataPointer) {
      const heap = heapOf()
      const { state } = running()
      const type = typeOf(typePointer)
      const id = idOf(type, idPointer)
      const update = readUpdate(heap, dataPointer, type)
      const given = update[type.id.position]
      if (given !== undefined && given !== id) {
        throw new MappingFailed(`${type.name}[${id}] was given the other id ${String(given)} in its fields`)
      }
      update[type.id.position] = id
      state.set(type, id, update)
    },
    'store.get'(typePointer, idPointer) {
      const heap = heapOf()
      const { state } = running()
      const type = typeOf(typePointer)
      const row = state.get(type, idOf(type, idPointer))
      return row ? writeEntity(heap, type, row) : 0
    },
    'store.get_in_block'(typePointer, idPointer) {
      const heap = heapOf()
      const { state } = running()
      const type = typeOf(typePointer)
      const row = state.getInBlock(type, idOf(type, idPointer))
      return row ? writeEntity(heap, type, row) : 0
    },
    'store.remove'(typePointer, idPointer) {
      const type = typeOf(typePointer)
      running().state.remove(type, idOf(type, idPointer))
    },
    'store.loadRelated'(typePointer, idPointer, fieldPointer) {
      const heap = heapOf()
      const { state } = running()
      const type = typeOf(typePointer)
      const id = idOf(type, idPointer)
      const name = heap.string(fieldPointer)
      const field = type.fieldsByName.get(name)
      const related = field?.kind === 'derived' ? schema.entities.get(field.type) : undefined
      const reference = related?.fieldsByName.get(field?.derivedFrom ?? '')
      if (!related || !reference) throw new MappingFailed(`${type.name}.${name} is no derived field`)
      const rows = state.related(related, reference, id)
      return heap.writeArray(
        rows.map((row) => writeEntity(heap, related, row)),
        CLASS.ArrayStoreMap,
      )
    },
  }
}

function parseId(type: EntityType, text: string): string {
  if (text === 'auto') throw new MappingFailed(`${type.name}: ids made by the store ("auto") are not supported`)
  if (type.id.scalar === 'Bytes') {
    // As graph-ts writes it: nothing to make of it.
    if (text.length <= 2 * MAX_ID_BYTES && text.length % 2 === 0 && /^0x[0-9a-f]*$/.test(text)) return text
    const digits = /^(?:0x)?((?:[0-9a-fA-F]{2})*)$/.exec(text)?.[1]
    if (digits === undefined) throw new MappingFailed(`${type.name}: "${text}" is no id of bytes`)
    assertLength(type, digits.length / 2)
    return `0x${digits.toLowerCase()}`
  }
  assertLength(type, Buffer.byteLength(text))
  return text
}

function assertLength(type: EntityType, bytes: number): void {
  if (bytes > MAX_ID_BYTES) throw new MappingFailed(`${type.name}: an id has ${bytes} bytes; at most ${MAX_ID_BYTES}`)
}
