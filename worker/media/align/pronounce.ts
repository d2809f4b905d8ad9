import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Dictionary, readDictionary } from './dictionary.ts'
import { frenchOfArpabet } from './french-phones.ts'
import { arpabetOfIpa } from './ipa.ts'
import { LETTER_RULES, soundOut } from './letter-rules.ts'
import type { Pronunciations } from './word-graph.ts'

/** More alternatives cost time and rarely differ from these. */
const MOST_PRONUNCIATIONS = 3

/** Fewest letters of each word in a compound. */
const LEAST_HALF = 3

/** The sounds of words in one language with one acoustic model's phones. */
export interface Pronouncer {
  /** Pronunciations of a word made of `spoken` parts, at least one, each with at least one phone of the model. */
  pronounce(spoken: readonly string[]): Pronunciations
}

/**
 * Prepares the pronunciations of the given words: from the model's dictionary where the language is the model's own, else by
 * letter-to-sound rules. There is no word without a pronunciation.
 *
 * @param folder the model's folder, with `dict.txt`
 * @param modelLanguage the primary language that the dictionary is for
 * @param language BCP 47, of the lyrics
 */
export async function createPronouncer(
  folder: string,
  modelLanguage: string,
  language: string,
  words: Iterable<string>,
): Promise<Pronouncer> {
  const primary = language.split('-')[0].toLowerCase()
  const distinct = new Set(words)
  const wanted = new Set(
    Array.from(distinct).flatMap((word) => [
      ...spellings(word),
      ...repeatedUnit(word),
      ...elided(word),
      ...halves(word).flat(),
    ]),
  )
  const dictionary: Dictionary =
    primary === modelLanguage ? await readDictionary(join(folder, 'dict.txt'), wanted) : new Map()
  const known = new Map<string, Pronunciations>()
  for (const word of distinct) {
    known.set(
      word,
      lookUp(dictionary, word, modelLanguage)?.slice(0, MOST_PRONUNCIATIONS) ?? [guess(word, primary, modelLanguage)],
    )
  }
  return {
    pronounce(spoken) {
      const parts = spoken.map((word) => known.get(word) ?? [guess(word, primary, modelLanguage)])
      const whole = parts.reduce<Pronunciations>(
        (heads, tails) => tails.flatMap((tail) => heads.map((head) => [...head, ...tail])),
        [[]],
      )
      return whole.slice(0, MOST_PRONUNCIATIONS)
    },
  }
}

function lookUp(dictionary: Dictionary, word: string, modelLanguage: string): Pronunciations | undefined {
  for (const spelling of spellings(word)) {
    const pronunciations = dictionary.get(spelling)
    if (pronunciations) return pronunciations
  }
  const [unit] = repeatedUnit(word)
  const sung = unit === undefined ? undefined : dictionary.get(unit)
  if (sung) return [Array.from({ length: word.length / unit.length }, () => sung[0]).flat()]
  const [head, tail] = modelLanguage === 'fr' ? elided(word) : []
  const rest = tail === undefined ? undefined : dictionary.get(tail)
  const initial = head === undefined ? undefined : ELISIONS[head]
  if (rest && initial) return rest.map((phones) => [...initial, ...phones])
  for (const [left, right] of halves(word)) {
    const [first, second] = [dictionary.get(left), dictionary.get(right)]
    if (first && second) return [[...first[0], ...second[0]]]
  }
  return undefined
}

/** A word as the dictionary may spell it: without outer apostrophes, without any, long vowels (`sooooo`) shortened. */
function spellings(word: string): string[] {
  const bare = word.replace(/^'+|'+$/g, '')
  const plain = word.replaceAll("'", '')
  const shorter = /(.)\1\1/u.test(plain) ? [plain.replace(/(.)\1{2,}/gu, '$1$1'), plain.replace(/(.)\1+/gu, '$1')] : []
  return Array.from(new Set([word, bare, plain, ...shorter])).filter((spelling) => spelling !== '')
}

/** `na` of `nananana`. */
function repeatedUnit(word: string): string[] {
  const match = /^(.{2,4}?)\1+$/u.exec(word)
  return match ? [match[1]] : []
}

/** Ways to read a word as two: `sexmachine` as `sex machine`; the most even first. */
function halves(word: string): [string, string][] {
  const cuts = Array.from({ length: Math.max(0, word.length - 2 * LEAST_HALF + 1) }, (_, i) => LEAST_HALF + i)
  return cuts
    .sort((a, b) => Math.abs(2 * a - word.length) - Math.abs(2 * b - word.length))
    .map((cut) => [word.slice(0, cut), word.slice(cut)])
}

/** `j'` and `aime` of `j'aime`. */
function elided(word: string): string[] {
  const match = /^(qu'|[cdjlmnst]')(.+)$/u.exec(word)
  return match ? [match[1], match[2]] : []
}

/** French words before a vowel, in the French model's phones. */
const ELISIONS: Readonly<Record<string, readonly string[]>> = {
  ...{ "c'": ['ss'], "d'": ['dd'], "j'": ['jj'], "l'": ['ll'], "m'": ['mm'], "n'": ['nn'], "s'": ['ss'], "t'": ['tt'] },
  "qu'": ['kk'],
}

const NON_LATIN = /[^\p{sc=Latin}\p{sc=Common}\p{sc=Inherited}]/u

/** The sounds of a word that no dictionary has; never empty. */
function guess(word: string, language: string, modelLanguage: string): readonly string[] {
  const isFrench = modelLanguage === 'fr'
  const phones = isFrench ? guessFrench(word) : guessArpabet(word, language)
  if (phones.length > 0) return phones
  return isFrench ? ['ee'] : ['AH']
}

function guessFrench(word: string): string[] {
  const [head, tail] = elided(word)
  if (head !== undefined) return [...ELISIONS[head], ...soundOut(tail, LETTER_RULES.fr)]
  if (!NON_LATIN.test(word)) return soundOut(word, LETTER_RULES.fr)
  return frenchOfArpabet(guessArpabet(word, 'und'))
}

function guessArpabet(word: string, language: string): string[] {
  if (NON_LATIN.test(word)) {
    const romanised = phonemizer().toIPA(word, { language, anyAscii: true, stripStress: true })
    return /^[a-z' ]+$/.test(romanised) ? soundOut(romanised, LETTER_RULES.generic) : arpabetOfIpa(romanised)
  }
  if (language === 'en') {
    const ascii = word.normalize('NFD').replace(/[^a-z']/g, '')
    const phones = ascii === '' ? [] : arpabetOfIpa(phonemizer().toIPA(ascii, { stripStress: true }))
    if (phones.length > 0) return phones
  }
  return soundOut(word, LETTER_RULES[language] ?? LETTER_RULES.generic)
}

interface Phonemizer {
  toIPA(text: string, options: { language?: string; anyAscii?: boolean; stripStress?: boolean }): string
}

let loaded: Phonemizer | undefined

/** Loaded on first use (0.2 s), as CommonJS: the package's ES modules import JSON in a way that Node refuses. */
function phonemizer(): Phonemizer {
  loaded ??= createRequire(import.meta.url)('phonemize/all') as Phonemizer
  return loaded
}
