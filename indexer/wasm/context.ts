import { InvalidInput } from '../../worker/errors.ts'
import { STORE } from './classes.ts'
import { parseDecimal } from './decimal.ts'
import { parseInteger } from './host/numbers.ts'
import type { Value } from './rows.ts'
import type { Context, ContextValue } from './store-values.ts'

type Given = { readonly type: string; readonly data?: unknown }

/** Kind of a value that a manifest calls by this name, and how it is read. */
const READERS: Readonly<Record<string, { kind: number; read: (data: unknown) => Value }>> = {
  Bool: { kind: STORE.bool, read: (data) => expect(typeof data === 'boolean', data as boolean) },
  String: { kind: STORE.string, read: (data) => expect(typeof data === 'string', data as string) },
  Int: {
    kind: STORE.int,
    read: (data) => expect(Number.isInteger(data) && Math.abs(data as number) < 2 ** 31, data as number),
  },
  Int8: { kind: STORE.int8, read: (data) => parseInteger(String(data)) },
  BigInt: { kind: STORE.bigInt, read: (data) => parseInteger(String(data)) },
  BigDecimal: { kind: STORE.bigDecimal, read: (data) => parseDecimal(String(data)) },
  Bytes: {
    kind: STORE.bytes,
    read: (data) => expect(/^0x([0-9a-fA-F]{2})*$/.test(String(data)), String(data).toLowerCase()),
  },
}

/** The context that a manifest gives a data source. */
export function readManifestContext(source: string, given: Readonly<Record<string, Given>> | null): Context | null {
  if (!given) return null
  const context: Record<string, ContextValue> = {}
  for (const [name, value] of Object.entries(given)) {
    try {
      context[name] = readValue(value)
    } catch (cause) {
      throw new InvalidInput(`${source}: the context's ${name} is not supported or not of its type ${value.type}`, {
        cause,
      })
    }
  }
  return context
}

function readValue({ type, data }: Given): ContextValue {
  if (type === 'List') return { kind: STORE.array, value: (data as Given[]).map(readValue) }
  const { kind, read } = READERS[type]
  return { kind, value: read(data) }
}

function expect<Result>(isFit: boolean, value: Result): Result {
  if (!isFit) throw new Error('unfit')
  return value
}

/** The same context on a chain: what it calls `chainId` is that chain's. */
export function contextOnChain(context: Context | null, chainId: number): Context | null {
  if (context?.chainId?.kind !== STORE.int) return context
  return { ...context, chainId: { kind: STORE.int, value: chainId } }
}
