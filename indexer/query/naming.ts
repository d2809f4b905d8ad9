/**
 * How graph-node names root fields: `Clip` is asked for as `clip` and `clips`, `Series` as `series` and `series_collection`.
 * The rules are those of its inflection library, oddities included: they look at small letters only, so `Hero` becomes `heros`.
 */
export function rootFieldNames(typeName: string): { one: string; many: string } {
  const one = camelCase(typeName)
  const plural = camelCase(pluralOf(typeName))
  return { one, many: plural === one ? `${plural}_collection` : plural }
}

/** The first pattern that matches decides; what stands in the named group `stem` keeps, the ending follows. */
const PLURAL_RULES: readonly (readonly [pattern: RegExp, ending: string])[] = [
  [/(?<stem>\w*eaux)$/, ''],
  [/(?<stem>\w*child)(?:ren)?$/, 'ren'],
  [/(?<stem>\w*pe)(?:rson|ople)$/, 'ople'],
  [/(?<stem>\w*[ml](?:ice|ouse))$/, 'ice'],
  [/(?<stem>\w*(?:matr|cod|mur|sil|vert|ind|append))(?:ix|ex)$/, 'ices'],
  [/(?<stem>\w*(?:x|ch|ss|sh|zz))$/, 'es'],
  [/(?<stem>\w*(?:x|ch|ss|sh|zz)es)$/, ''],
  [/(?<stem>\w*[^ch][ieo][ln])ey$/, 'ies'],
  [/(?<stem>\w*(?:[^aeiouy]|qu))y$/, 'ies'],
  [/(?<stem>\w*(?:ar|l|ea|eo|oa|hoo))f$/, 'ves'],
  [/(?<stem>\w*(?:kni|wi|li))fe$/, 'ves'],
  [/(?<stem>\w*)sis$/, 'ses'],
  [
    /(?<stem>\w*(?:apheli|hyperbat|periheli|asyndet|noumen|phenomen|criteri|organ|prolegomen|hedr|automat))(?:a|on)$/,
    'a',
  ],
  [
    /(?<stem>\w*(?:agend|addend|millenni|dat|extrem|bacteri|desiderat|strat|candelabr|errat|ov|symposi|curricul|automat|quor))(?:a|um)$/,
    'a',
  ],
  [/(?<stem>\w*(?:her|at|gr))o$/, 'oes'],
  [/(?<stem>\w*(?:seraph|cherub))(?:im)?$/, 'im'],
  [/(?<stem>\w*(?:alumn|alg|vertebr))(?:a|ae)$/, 'ae'],
  [/(?<stem>\w*(?:alumn|syllab|octop|vir|radi|nucle|fung|cact|stimul|termin|bacill|foc|uter|loc|strat))(?:us|i)$/, 'i'],
  [/(?<stem>\w*(?:[^l]ias|[aeiou]las|[emjzr]as|[iu]am))$/, ''],
  [/(?<stem>\w*e[mn]u)s?$/, 's'],
  [/(?<stem>\w*(?:alias|[^aou]us|tlas|gas|ris))$/, 'es'],
  [/(?<stem>\w*(?:ax|test))is$/, 'es'],
  [/(?<stem>\w*[^aeiou]ese)$/, ''],
  [/(?<stem>\w*)s$/, 's'],
]

function pluralOf(name: string): string {
  for (const [pattern, ending] of PLURAL_RULES) {
    const stem = pattern.exec(name)?.groups?.stem
    if (stem !== undefined) return stem + ending
  }
  return `${name}s`
}

/** `HTTPServer` → `httpserver`, `my_thing` → `myThing`, `A1s` → `a1S`: a digit begins a new word. */
function camelCase(name: string): string {
  let result = ''
  let isNewWord = false
  let lastCharacter = ''
  for (const character of name.replace(/^_+|_+$/g, '')) {
    if (character === '_') {
      isNewWord = true
    } else if (/\d/.test(character)) {
      isNewWord = true
      result += character
    } else if (isNewWord || (/[a-z]/.test(lastCharacter) && /[A-Z]/.test(character))) {
      isNewWord = false
      result += character.toUpperCase()
    } else {
      lastCharacter = character
      result += character.toLowerCase()
    }
  }
  return result
}
