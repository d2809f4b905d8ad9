/**
 * Text as the graph can hold it and give it back unchanged: no control characters, no half of a surrogate pair, no byte order
 * mark (which a decoder swallows), no space at the ends; null when nothing is left.
 */
export function cleanText(text: string | null | undefined): string | null {
  const clean = text
    ?.toWellFormed()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufeff]/g, '')
    .trim()
  return clean || null
}

/** A web address without what could mislead: http or https, no user in it; null for anything else. */
export function cleanUrl(text: string | null | undefined): string | null {
  const url = URL.parse(text?.trim() ?? '')
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return null
  return url.href.length <= 2_000 ? url.href : null
}

/** Names as one text, `; ` between them, each once in the order they came. */
export function flatten(names: readonly (string | null | undefined)[]): string | null {
  const seen = new Map<string, string>()
  for (const name of names.flatMap((one) => cleanText(one) ?? [])) {
    const key = name.toLowerCase()
    if (!seen.has(key)) seen.set(key, name)
  }
  return [...seen.values()].join('; ') || null
}
