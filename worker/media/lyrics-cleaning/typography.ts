const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  rsquo: '’',
  lsquo: '‘',
}

/** Undoes what a web page or a wrong encoding did to a whole text: entities, `<br>`, UTF-8 read as Windows-1252. */
export function mendEncoding(text: string): string {
  return mendMojibake(text)
    .replace(/<br\s*\/?>\n?/gi, '\n')
    .replace(/<\/?(?:i|b|em|strong|p|div|span|u|a)(?:\s[^<>]*)?>/gi, '')
    .replace(/&(?:#(\d{2,6})|#x([\da-f]{2,5})|([a-z]{2,5}));/gi, (whole, decimal, hex, name) => {
      if (name) return ENTITIES[name.toLowerCase()] ?? whole
      const code = decimal ? Number(decimal) : Number.parseInt(hex, 16)
      return code >= 0x20 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
        ? String.fromCodePoint(code)
        : whole
    })
}

/**
 * Mends a line only where it is plainly wrong: composed letters, apostrophes written as accents, space before a comma or full stop and
 * none after a comma, `i` for `I` in English, notes (`♪`) that stand for music.
 */
export function mendLine(line: string, language: string): string {
  const mended = line
    .normalize('NFC')
    .replace(/(?<=\p{L})[`´](?=\p{L}|$|\s)/gu, "'")
    .replace(/[♪♫♬♩]+/gu, ' ')
    .replace(/(?<=[\p{L}\p{N}]) +(?=[,.](?:\s|$))/gu, '')
    .replace(/(?<=[\p{L}\p{N}]) +,(?=\p{L})/gu, ', ')
    .replace(/(?<=\p{L}{2}),(?=\p{L}{2})/gu, ', ')
    .replace(/ {2,}/g, ' ')
    .trim()
  if (!/^en\b/i.test(language)) return mended
  return mended.replace(/(?<![\p{L}\p{N}'’.-])i(?=(?:['’](?:m|ll|ve|d|s))?(?![\p{L}\p{N}'’.-]))/gu, 'I')
}

/** Whether a whole text is in capitals, which says nothing about how it should be written. */
export function isAllCapitals(text: string): boolean {
  const cased = text.match(/\p{Lu}|\p{Ll}/gu) ?? []
  return cased.length >= 60 && !/\p{Ll}/u.test(text)
}

/** A line in capitals as a sentence. German is left alone: its nouns' capitals could not be told. */
export function toSentenceCase(line: string, language: string): string {
  if (/^de\b/i.test(language)) return line
  let tag = 'en'
  try {
    tag = Intl.getCanonicalLocales(language)[0] ?? tag
  } catch {
    // An unknown language is written in small letters by the common rules.
  }
  const small = line.toLocaleLowerCase(tag)
  return small.replace(/\p{L}/u, (first) => first.toLocaleUpperCase(tag))
}

const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ'

/** UTF-8 that was read as Windows-1252 (`donâ€™t`, `RefrÃ£o`), when all of the text turns back into valid UTF-8. */
function mendMojibake(text: string): string {
  if (!/[ÂÃâ][\u0080-\u00bf€‚-„†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œžŸŽƒ…]/.test(text)) return text
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const high = WINDOWS_1252.indexOf(text[i])
    if (code > 0xff && high < 0) return text
    bytes[i] = high < 0 ? code : 0x80 + high
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return text
  }
}
