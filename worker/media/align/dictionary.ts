import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

/** Pronunciations by word, each a list of phones, the most usual first. */
export type Dictionary = ReadonlyMap<string, readonly (readonly string[])[]>

/**
 * Reads the pronunciations of the wanted words from a CMU-style dictionary: `word phone phone …`, further
 * pronunciations as `word(2) …`, comments after `;;`.
 *
 * @param wanted words in lower case; what is not in the file is not in the result
 */
export async function readDictionary(path: string, wanted: ReadonlySet<string>): Promise<Dictionary> {
  const dictionary = new Map<string, string[][]>()
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY })
  for await (const line of lines) {
    const space = line.search(/\s/)
    if (space < 1 || line.startsWith(';;')) continue
    const word = line.slice(0, space).replace(/\(\d+\)$/, '')
    if (!wanted.has(word)) continue
    const phones = line.slice(space).trim().split(/\s+/)
    const known = dictionary.get(word)
    if (known) known.push(phones)
    else dictionary.set(word, [phones])
  }
  return dictionary
}
