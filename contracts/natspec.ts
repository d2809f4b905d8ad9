import { type Abi, type AbiFunction, toFunctionSignature } from 'viem'
import { z } from 'zod'

const Docs = z.record(z.string(), z.unknown()).default({})

/** A compiled contract's interface, and what its comments say of it. */
export const Documented = z.object({
  abi: z.array(z.custom<Abi[number]>()),
  devdoc: z.object({ methods: Docs, events: Docs, errors: Docs }),
  userdoc: z.object({ methods: Docs, events: Docs, errors: Docs }),
})

const KINDS = { function: 'methods', event: 'events', error: 'errors' } as const

/** The functions, events and errors without a notice, or with an argument or result that no comment describes. */
export function findUndocumented({ abi, devdoc, userdoc }: z.output<typeof Documented>): string[] {
  return abi.flatMap((item) => {
    if (item.type !== 'function' && item.type !== 'event' && item.type !== 'error') return []
    const kind = KINDS[item.type]
    const signature = toFunctionSignature({ ...item, type: 'function' } as AbiFunction)
    if (!JSON.stringify(userdoc[kind][signature] ?? '').includes('"notice"')) return [signature]
    if (item.type === 'function' && isGetter(item) && !(signature in devdoc.methods)) return []
    const described = JSON.stringify(devdoc[kind][signature] ?? '')
    const results = item.type === 'function' ? item.outputs : []
    const names = [...item.inputs, ...results].map(({ name }) => name || '_0')
    return names.every((name) => described.includes(`"${name}":`)) ? [] : [signature]
  })
}

/** The compiler makes these for public variables, and takes no more than a notice for them. */
const isGetter = ({ stateMutability, outputs }: AbiFunction) => stateMutability === 'view' && outputs.length === 1
