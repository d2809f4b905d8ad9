/** How a language says numbers below a hundred, and how it builds the rest. */
interface NumberWords {
  /** 0…19, or further where the language goes on irregularly. */
  readonly small: readonly string[]
  readonly tens: readonly string[]
  readonly hundred: string
  readonly hundreds: string
  readonly thousand: string
  readonly million: string
  readonly millions: string
  /** Joins tens and units. */
  below100(tens: string, unit: number, small: readonly string[]): string
  /** Whether one hundred and one thousand go without "one". */
  readonly hasBareHundred: boolean
  /** Irregular hundreds (Spanish 500). */
  readonly irregularHundreds?: Readonly<Record<number, string>>
}

const words = (text: string) => text.split(' ')

const ENGLISH: NumberWords = {
  small: words(
    'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen',
  ),
  tens: words('_ _ twenty thirty forty fifty sixty seventy eighty ninety'),
  hundred: 'hundred',
  hundreds: 'hundred',
  thousand: 'thousand',
  million: 'million',
  millions: 'million',
  below100: (tens, unit, small) => (unit === 0 ? tens : `${tens} ${small[unit]}`),
  hasBareHundred: false,
}

const FRENCH: NumberWords = {
  small: words(
    'zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf',
  ),
  tens: words('_ _ vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt'),
  hundred: 'cent',
  hundreds: 'cents',
  thousand: 'mille',
  million: 'million',
  millions: 'millions',
  below100: (tens, unit, small) =>
    unit === 0 ? tens : unit === 1 && tens !== 'quatre-vingt' ? `${tens} et un` : `${tens} ${small[unit]}`,
  hasBareHundred: true,
}

const SPANISH: NumberWords = {
  small: words(
    'cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve',
  ),
  tens: words('_ _ veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa'),
  hundred: 'ciento',
  hundreds: 'cientos',
  thousand: 'mil',
  million: 'millón',
  millions: 'millones',
  below100: (tens, unit, small) => (unit === 0 ? tens : `${tens} y ${small[unit]}`),
  hasBareHundred: true,
  irregularHundreds: { 5: 'quinientos', 7: 'setecientos', 9: 'novecientos' },
}

const GERMAN: NumberWords = {
  small: words(
    'null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn',
  ),
  tens: words('_ _ zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig'),
  hundred: 'hundert',
  hundreds: 'hundert',
  thousand: 'tausend',
  million: 'million',
  millions: 'millionen',
  below100: (tens, unit, small) => (unit === 0 ? tens : `${unit === 1 ? 'ein' : small[unit]} und ${tens}`),
  hasBareHundred: false,
}

const LANGUAGES: Readonly<Record<string, NumberWords>> = { en: ENGLISH, fr: FRENCH, es: SPANISH, de: GERMAN }

/** Digits beyond this are read one by one, as telephone numbers are. */
const MOST_DIGITS = 9

/**
 * A whole number as it is sung: `speakNumber('42', 'en')` → `['forty', 'two']`. English years from 1100 to 1999 go in
 * pairs. Leading zeros and very long numbers are read digit by digit. Other languages than en, fr, es, de are read as
 * English.
 *
 * @param digits one or more of 0…9
 * @param language BCP 47
 */
export function speakNumber(digits: string, language: string): string[] {
  const primary = language.split('-')[0].toLowerCase()
  const named = LANGUAGES[primary] ?? ENGLISH
  if (digits.length > MOST_DIGITS || /^0\d/.test(digits))
    return Array.from(digits, (digit) => named.small[Number(digit)])
  const value = Number(digits)
  const text = named === ENGLISH && value >= 1100 && value < 2000 ? speakYear(value) : speak(value, named)
  return text.split(/[ -]/).filter((word) => word !== '')
}

/** `speakOrdinal('22')` → `['twenty', 'second']`, in English. */
export function speakOrdinal(digits: string): string[] {
  const spoken = speakNumber(digits, 'en')
  const last = spoken.at(-1)!
  return [...spoken.slice(0, -1), IRREGULAR_ORDINALS[last] ?? `${last.replace(/y$/, 'ie')}th`]
}

const IRREGULAR_ORDINALS: Readonly<Record<string, string>> = {
  one: 'first',
  two: 'second',
  three: 'third',
  five: 'fifth',
  eight: 'eighth',
  nine: 'ninth',
  twelve: 'twelfth',
}

function speakYear(value: number): string {
  const century = speak(Math.floor(value / 100), ENGLISH)
  const rest = value % 100
  if (rest === 0) return `${century} hundred`
  return `${century} ${rest < 10 ? 'oh ' : ''}${speak(rest, ENGLISH)}`
}

function speak(value: number, named: NumberWords): string {
  const { small, tens } = named
  if (value < small.length) return small[value]
  if (value < 100) {
    const ten = Math.floor(value / 10)
    // French counts on from sixty and from eighty: soixante-dix-sept.
    if (named === FRENCH && (ten === 7 || ten === 9)) return `${tens[ten]} ${small[value - 10 * (ten - 1)]}`
    return named.below100(tens[ten], value % 10, small)
  }
  if (value < 1000) return join(hundreds(Math.floor(value / 100), named), value % 100, named)
  if (value < 1e6) {
    const count = Math.floor(value / 1000)
    const head = count === 1 && named.hasBareHundred ? named.thousand : `${speak(count, named)} ${named.thousand}`
    return join(head, value % 1000, named)
  }
  const count = Math.floor(value / 1e6)
  return join(`${speak(count, named)} ${count === 1 ? named.million : named.millions}`, value % 1e6, named)
}

function hundreds(count: number, named: NumberWords): string {
  const irregular = named.irregularHundreds?.[count]
  if (irregular !== undefined) return irregular
  if (count === 1 && named.hasBareHundred) return named.hundred
  return `${named.small[count]} ${count === 1 ? named.hundred : named.hundreds}`
}

function join(head: string, rest: number, named: NumberWords): string {
  return rest === 0 ? head : `${head} ${speak(rest, named)}`
}
