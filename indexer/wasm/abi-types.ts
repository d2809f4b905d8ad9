/** A Solidity type. */
export type AbiType =
  | { readonly kind: 'address' | 'bool' | 'int' | 'uint' | 'bytes' | 'string' | 'function' }
  | { readonly kind: 'fixedBytes'; readonly size: number }
  | { readonly kind: 'array'; readonly element: AbiType }
  | { readonly kind: 'fixedArray'; readonly element: AbiType; readonly length: number }
  | { readonly kind: 'tuple'; readonly components: readonly AbiType[] }

/** A parameter as an ABI describes it. */
export interface AbiParameter {
  readonly name?: string | undefined
  readonly type: string
  readonly indexed?: boolean | undefined
  readonly components?: readonly AbiParameter[] | undefined
}

/** @throws Error when this is no Solidity type */
export function abiType({ type, components }: AbiParameter): AbiType {
  const list = /^(.*)\[(\d*)\]$/s.exec(type)
  if (list) {
    const element = abiType({ type: list[1], components })
    return list[2] === '' ? { kind: 'array', element } : { kind: 'fixedArray', element, length: Number(list[2]) }
  }
  if (type === 'tuple') return { kind: 'tuple', components: (components ?? []).map(abiType) }
  if (type.startsWith('('))
    return { kind: 'tuple', components: splitTuple(type).map((part) => abiType({ type: part })) }
  if (type === 'address' || type === 'bool' || type === 'string' || type === 'bytes' || type === 'function') {
    return { kind: type }
  }
  const sized = /^(u?int|bytes)(\d*)$/.exec(type)
  const size = Number(sized?.[2] || 256)
  if (sized?.[1] === 'bytes' && size >= 1 && size <= 32) return { kind: 'fixedBytes', size }
  if (sized && sized[1] !== 'bytes' && size >= 8 && size <= 256 && size % 8 === 0) {
    return { kind: sized[1] as 'int' | 'uint' }
  }
  throw new Error(`"${type}" is no Solidity type`)
}

/** The types between the outer parentheses of `(a,(b,c)[],d)`. */
function splitTuple(type: string): string[] {
  if (!type.endsWith(')')) throw new Error(`"${type}" is no Solidity type`)
  const parts: string[] = []
  let depth = 0
  let start = 1
  for (let index = 1; index < type.length; index++) {
    const character = type[index]
    if (character === '(') depth++
    const isLast = index === type.length - 1
    if ((character === ',' && depth === 0) || isLast) {
      if (index > start) parts.push(type.slice(start, index).trim())
      start = index + 1
    } else if (character === ')') depth--
  }
  return parts
}

/** The type as it stands in a signature: `(uint256,address)[]`. */
export function canonicalType({ type, components }: AbiParameter): string {
  if (!type.startsWith('tuple')) return type
  return `(${(components ?? []).map(canonicalType).join(',')})${type.slice('tuple'.length)}`
}

/** Whether it is stored behind an offset. */
export function isDynamic(type: AbiType): boolean {
  switch (type.kind) {
    case 'string':
    case 'bytes':
    case 'array':
      return true
    case 'fixedArray':
      return isDynamic(type.element)
    case 'tuple':
      return type.components.some(isDynamic)
    default:
      return false
  }
}

/** Bytes that a type takes where it stands: 32 for what is behind an offset. */
export function headBytes(type: AbiType): number {
  if (isDynamic(type)) return 32
  if (type.kind === 'fixedArray') return type.length * headBytes(type.element)
  if (type.kind === 'tuple') return type.components.reduce((sum, component) => sum + headBytes(component), 0)
  return 32
}
