import { InvalidInput } from '../../worker/errors.ts'

/** An address of Ethereum, in lower case as the catalog keeps it. @throws InvalidInput */
export function parseAddress(text: string, field: string): string {
  return parse(text, /^0x[0-9a-f]{40}$/, '0x and 40 hexadecimal digits', field)
}

/** A name of a clip on chain, in lower case. @throws InvalidInput */
export function parseHash(text: string, field: string): string {
  return parse(text, /^0x[0-9a-f]{64}$/, '0x and 64 hexadecimal digits', field)
}

/** A name of a key in the catalog: address of the lock and token id. @throws InvalidInput */
export function parseKeyId(text: string, field: string): string {
  return parse(text, /^0x[0-9a-f]{104}$/, 'the `id` of a key, 0x and 104 hexadecimal digits', field)
}

function parse(text: string, form: RegExp, expected: string, field: string): string {
  const lower = text.trim().toLowerCase()
  if (form.test(lower)) return lower
  throw new InvalidInput(`${field}: expected ${expected}, got ${JSON.stringify(text.slice(0, 100))}`, {
    details: { field },
  })
}
