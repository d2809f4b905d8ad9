import { keccak256, toHex } from 'viem'
import { z } from 'zod'
import { InvalidInput } from '../worker/errors.ts'
import type { CalledFunction, EventHandler } from './sources.ts'
import { type AbiParameter, abiType, canonicalType } from './wasm/abi-types.ts'

const Parameter: z.ZodType<AbiParameter> = z.object({
  name: z.string().optional(),
  type: z.string(),
  indexed: z.boolean().optional(),
  get components() {
    return z.array(Parameter).optional()
  },
})

const Item = z.looseObject({
  type: z.string(),
  name: z.string().optional(),
  inputs: z.array(Parameter).default([]),
  outputs: z.array(Parameter).default([]),
  anonymous: z.boolean().optional(),
})
type Item = z.output<typeof Item>

/** An ABI that a data source names. */
export interface Contract {
  readonly name: string
  readonly events: readonly Item[]
  /** By `<ABI's name>.<signature with return types>`. */
  readonly functions: ReadonlyMap<string, CalledFunction>
}

/** @throws InvalidInput when a file is no ABI */
export async function readContracts(
  abis: readonly { name: string; file: string }[],
  read: (path: string) => Promise<string>,
): Promise<Map<string, Contract>> {
  const contracts = new Map<string, Contract>()
  for (const { name, file } of abis) {
    let items: Item[]
    try {
      items = z.array(Item).parse(JSON.parse(await read(file)))
    } catch (cause) {
      if (cause instanceof InvalidInput) throw cause
      throw new InvalidInput(`${file} is no ABI: expected a JSON list of events and functions`, { cause })
    }
    const functions = new Map<string, CalledFunction>()
    for (const item of items) {
      if (item.type !== 'function') continue
      const signature = `${item.name}(${item.inputs.map(canonicalType).join(',')})`
      functions.set(`${name}.${signature}:(${item.outputs.map(canonicalType).join(',')})`, {
        selector: keccak256(toHex(signature)).slice(0, 10),
        inputs: item.inputs.map(abiType),
        outputs: item.outputs.map(abiType),
      })
    }
    contracts.set(name, { name, events: items.filter((item) => item.type === 'event'), functions })
  }
  return contracts
}

/**
 * The handlers of a data source by the first topic of their events.
 *
 * @throws InvalidInput when the ABI lacks an event, or two handlers want the same one
 */
export function readHandlers(
  source: string,
  contract: Contract,
  declared: readonly { event: string; handler: string; receipt?: boolean | undefined }[],
): Map<string, EventHandler[]> {
  const handlers = new Map<string, EventHandler[]>()
  for (const { event: signature, handler, receipt } of declared) {
    const event = findEvent(contract, signature)
    if (!event) throw new InvalidInput(`${source}: the ABI ${contract.name} has no event ${signature}`)
    const topic0 = keccak256(toHex(`${event.name}(${event.inputs.map(canonicalType).join(',')})`))
    const inputs = event.inputs.map((input) => ({
      name: input.name ?? '',
      type: abiType(input),
      isIndexed: input.indexed === true,
    }))
    const others = handlers.get(topic0) ?? []
    const indexing = indexingOf(inputs)
    if (others.some((other) => indexingOf(other.inputs) === indexing)) {
      throw new InvalidInput(`${source}: several handlers for the event ${signature}; one is supported`)
    }
    const indexedCount = inputs.filter((input) => input.isIndexed).length
    handlers.set(topic0, [...others, { name: handler, topic0, inputs, indexedCount, wantsReceipt: receipt === true }])
  }
  return handlers
}

const indexingOf = (inputs: EventHandler['inputs']): string =>
  inputs.map((input) => (input.isIndexed ? 'i' : '-')).join('')

/** By its signature with `indexed`; without it when the ABI has only one event of the name. */
function findEvent(contract: Contract, signature: string): Item | undefined {
  const wanted = signature.replaceAll(/\s*([(),])\s*/g, '$1').trim()
  const events = contract.events.filter((event) => !event.anonymous)
  const signed = (event: Item, hasIndexed: boolean) =>
    `${event.name}(${event.inputs.map((input) => (hasIndexed && input.indexed ? 'indexed ' : '') + canonicalType(input)).join(',')})`
  const exact = events.find((event) => signed(event, true) === wanted)
  if (exact) return exact
  const named = events.filter((event) => event.name === wanted.slice(0, wanted.indexOf('(')))
  return named.length === 1 && signed(named[0], false) === wanted ? named[0] : undefined
}
