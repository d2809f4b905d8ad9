import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readDictionary } from '../../worker/media/align/dictionary.ts'
import { arpabetOfIpa } from '../../worker/media/align/ipa.ts'
import { chooseModel } from '../../worker/media/align/model-choice.ts'
import { speakNumber, speakOrdinal } from '../../worker/media/align/numbers.ts'
import { createPronouncer } from '../../worker/media/align/pronounce.ts'
import { readModelDefinition } from '../../worker/media/align/sphinx-files.ts'
import { tokenizeLine, tokenizeLyrics } from '../../worker/media/align/tokenize.ts'

const shown = (line: string, language = 'en') =>
  tokenizeLine(line, language)
    .map(({ text, spoken }) => `${text}=${spoken.join('+')}`)
    .join(' | ')

test.each([
  ['[Chorus]', ''],
  ['[Verse 2: Ada & Bob]', ''],
  ['Verse 2:', ''],
  ['(Guitar solo)', ''],
  ['(Chorus x2)', ''],
  ['', ''],
  ['…', ''],
  ['Chorus of angels', 'Chorus=chorus | of=of | angels=angels'],
  ['Bridge over water', 'Bridge=bridge | over=over | water=water'],
  ['[Ada:] Hello', 'Hello=hello'],
  ['(ooh) yeah!', '(ooh)=ooh | yeah!=yeah'],
  ['hey hey x2', 'hey=hey | hey=hey'],
  ['hey (x3)', 'hey=hey'],
  ['well-known', 'well-known=well+known'],
  ['Wait—what?', 'Wait—=wait | what?=what'],
  ['oh...yeah', 'oh...=oh | yeah=yeah'],
  ['don’t ‘cause runnin’', "don’t=don't | ‘cause='cause | runnin’=runnin'"],
  ['you & me', 'you=you | &=and | me=me'],
  ['R&B', 'R&=r+and | B=b'],
  ['loved - hated', 'loved -=loved | hated=hated'],
  ['- hello', '- hello=hello'],
  ['♪ la la ♪', '♪ la=la | la ♪=la'],
  ['😀 hey', '😀= | hey=hey'],
  ['24/7', '24/=twenty+four | 7=seven'],
  ['in 1999', 'in=in | 1999=nineteen+ninety+nine'],
  ['$5 and 100%', '$5=five+dollars | and=and | 100%=one+hundred+percent'],
  ['21st 1,000 2Pac', '21st=twenty+first | 1,000=one+thousand | 2Pac=two+pac'],
  ['ＡＢＣ'.normalize('NFKC'), 'ABC=abc'],
])('the words of %j are %j', (line, expected) => {
  expect(shown(line)).toBe(expected)
})

test('scripts without spaces are divided into words, their punctuation kept', () => {
  expect(shown('你好世界', 'zh')).toBe('你好=你好 | 世界=世界')
  expect(
    tokenizeLine('愛してる、君を', 'ja')
      .map(({ text }) => text)
      .join(''),
  ).toBe('愛してる、君を')
  expect(tokenizeLine('愛してる、君を', 'ja').length).toBeGreaterThan(2)
  expect(shown('สวัสดีครับ', 'th')).toBe('สวัสดี=สวัสดี | ครับ=ครับ')
})

test('word times that come with a line stay with their words', () => {
  const words = [
    { text: 'rock&roll', startMs: 1000 },
    { text: 'baby', startMs: 1500 },
  ]
  expect(tokenizeLyrics([{ text: 'rock&roll baby', words }], 'en').map(({ text, startMs }) => [text, startMs])).toEqual(
    [
      ['rock&', 1000],
      ['roll', undefined],
      ['baby', 1500],
    ],
  )
  expect(tokenizeLyrics([{ text: 'something else', words }], 'en').map(({ startMs }) => startMs)).toEqual([
    undefined,
    undefined,
  ])
})

test.each([
  ['0', 'en', 'zero'],
  ['15', 'en', 'fifteen'],
  ['42', 'en', 'forty two'],
  ['100', 'en', 'one hundred'],
  ['1805', 'en', 'eighteen oh five'],
  ['2024', 'en', 'two thousand twenty four'],
  ['3000000', 'en', 'three million'],
  ['007', 'en', 'zero zero seven'],
  ['12345678901', 'en', 'one two three four five six seven eight nine zero one'],
  ['21', 'fr', 'vingt et un'],
  ['80', 'fr', 'quatre vingt'],
  ['97', 'fr', 'quatre vingt dix sept'],
  ['1000', 'fr', 'mille'],
  ['29', 'es-MX', 'veintinueve'],
  ['555', 'es', 'quinientos cincuenta y cinco'],
  ['21', 'de', 'ein und zwanzig'],
  ['7', 'sv', 'seven'],
])('%s in %s is sung %j', (digits, language, spoken) => {
  expect(speakNumber(digits, language).join(' ')).toBe(spoken)
})

test('ordinals are said as such', () => {
  expect(['1', '2', '20', '22', '100'].map((digits) => speakOrdinal(digits).join(' '))).toEqual([
    'first',
    'second',
    'twentieth',
    'twenty second',
    'one hundredth',
  ])
})

test('IPA becomes the nearest ARPAbet phones; what has no sound is passed over', () => {
  expect(arpabetOfIpa('həˈloʊ')).toEqual(['HH', 'AH', 'L', 'OW'])
  expect(arpabetOfIpa('tʃɛ̃ː')).toEqual(['CH', 'EH'])
  expect(arpabetOfIpa('ni˧˩˧')).toEqual(['N', 'IY'])
  expect(arpabetOfIpa('123 ♪')).toEqual([])
})

async function pronouncer(language: string, words: readonly string[]) {
  const { folder, language: modelLanguage } = chooseModel(language)
  const { phones } = await readModelDefinition(join(folder, 'mdef'))
  const { pronounce } = await createPronouncer(folder, modelLanguage, language, words)
  return { say: (...spoken: string[]) => pronounce(spoken).map((one) => one.join(' ')), phones: new Set(phones) }
}

test('the dictionary keeps up to three pronunciations of a word', async () => {
  const { folder } = chooseModel('en')
  const dictionary = await readDictionary(join(folder, 'dict.txt'), new Set(['hello', 'monkey', 'zzzz']))
  expect([...dictionary.keys()].toSorted()).toEqual(['hello', 'monkey'])
  expect(dictionary.get('monkey')).toEqual([['M', 'AH', 'NG', 'K', 'IY']])
  const { say } = await pronouncer('en', ['hello'])
  expect(say('hello')).toEqual(['HH AH L OW', 'HH EH L OW'])
})

test('sung spellings are found: held vowels, repeated syllables, compounds, dropped letters', async () => {
  const { say } = await pronouncer('en', ['ooooh', 'nananana', 'sexmachine', "runnin'", 'twenty', 'one'])
  expect(say('ooooh')).toEqual(['UW'])
  expect(say('nananana')).toEqual(['N AA N AA N AA N AA'])
  expect(say('sexmachine')).toEqual(['S EH K S M AH SH IY N'])
  expect(say("runnin'")).toEqual(['R AH N IH N'])
  expect(say('twenty', 'one')[0]).toBe('T W EH N T IY W AH N')
  expect(say('twenty', 'one').length).toBeLessThanOrEqual(3)
})

test('French is said in the phones of its model, elisions included', async () => {
  const { say } = await pronouncer('fr', ["j'te", 'amour', 'prévenir', 'oiseaux'])
  expect(say('amour')[0]).toBe('aa mm ou rr')
  expect(say("j'te")[0]).toBe('jj tt')
  const rules = await pronouncer('fr', ['zorbillonnaux', "l'zorblette"])
  expect(rules.say('zorbillonnaux')).toEqual(['zz oo rr bb ii yy oo nn au'])
  expect(rules.say("l'zorblette")[0]).toMatch(/^ll zz oo rr bb ll ai tt/)
})

test('languages with letter rules sound their words out', async () => {
  const spanish = await pronouncer('es', ['corazón', 'quiero', 'huella'])
  expect(spanish.say('corazón')).toEqual(['K OW R AA S OW N'])
  expect(spanish.say('quiero')).toEqual(['K Y EY R OW'])
  const german = await pronouncer('de', ['zeit', 'schön', 'straße'])
  expect(german.say('zeit')).toEqual(['T S AY T'])
  expect(german.say('schön')).toEqual(['SH ER N'])
  expect(german.say('straße')).toEqual(['SH T R AA S AH'])
  const italian = await pronouncer('it', ['ciao'])
  expect(italian.say('ciao')).toEqual(['CH AA AO'])
})

test.each(['en', 'fr', 'es', 'de', 'ja', 'ko', 'zh', 'ru', 'th', 'ar', 'sv', 'xx'])(
  'no word is without sounds of the model in %s',
  async (language) => {
    const words = [
      "'",
      "d'you",
      'h',
      'ß',
      'xqz',
      'zzzz',
      'ñandú',
      '愛',
      'ラブ',
      '사랑해',
      'любовь',
      'สวัสดี',
      'حبيبي',
      'γεια',
      'ə',
      '𝓪',
      'ⅷ',
      'ㅋ',
    ]
    const { say, phones } = await pronouncer(language, words)
    for (const word of [...words, 'never-announced']) {
      for (const pronunciation of say(word)) {
        expect(
          pronunciation.split(' ').every((phone) => phones.has(phone)),
          `${word}: ${pronunciation}`,
        ).toBe(true)
      }
      expect(say(word).length).toBeGreaterThan(0)
    }
  },
)
