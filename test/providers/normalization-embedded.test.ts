import { expect, test } from 'vitest'
import { embeddedNormalization } from '../../worker/providers/normalization/embedded.ts'
import { seeded } from '../media/random.ts'

const { signal } = new AbortController()
const normalize = async (text: string, language = 'en') =>
  (await embeddedNormalization.normalize({ text, language, signal })).lines

/** name, text with `⏎` as line break, lines with `⏎` between them, language */
const WRITTEN: readonly (readonly [string, string, string, string?])[] = [
  ['plain lyrics', 'Row your boat⏎Gently down', 'Row your boat⏎Gently down'],
  ['bracketed headings', '[Verse 1]⏎One⏎[Pre-Chorus: Ana & Bo]⏎Two⏎[Guitar Solo]⏎[Chorus]⏎Three', 'One⏎Two⏎Three'],
  ['bare headings', 'VERSE 1:⏎One⏎⏎Chorus⏎Two⏎⏎Bridge -⏎Three⏎⏎Outro⏎Four', 'One⏎Two⏎Three⏎Four'],
  ['headings in round brackets', '(Chorus)⏎One⏎(Verse 2)⏎Two', 'One⏎Two'],
  ['words on the heading’s line', 'Chorus: Oh baby⏎One', 'Oh baby⏎One'],
  ['Spanish headings', '[Estribillo]⏎Uno⏎[Coro]⏎Dos⏎Verso 2:⏎Tres', 'Uno⏎Dos⏎Tres', 'es'],
  ['French headings', '[Couplet 1]⏎Un⏎[Refrain]⏎Deux⏎Pont :⏎Trois', 'Un⏎Deux⏎Trois', 'fr'],
  ['German headings', 'Strophe 1⏎Eins⏎⏎Refrain⏎Zwei⏎⏎Teil 2⏎Drei', 'Eins⏎Zwei⏎Drei', 'de'],
  ['Portuguese headings', '[Refrão]⏎Um⏎Ponte:⏎Dois', 'Um⏎Dois', 'pt-BR'],
  ['Russian headings', 'Припев:⏎Раз⏎Куплет 2⏎Два', 'Раз⏎Два', 'ru'],
  ['Japanese headings', '【サビ】⏎歌⏎[間奏]⏎海', '歌⏎海', 'ja'],
  ['Korean headings', '[후렴]⏎하나', '하나', 'ko'],
  ['remarks in square brackets beside headings', '[Verse 1]⏎One⏎[Ana laughs]⏎Two', 'One⏎Two'],
  ['square brackets that may be sung', '[hey hey]⏎One', '[hey hey]⏎One'],
  [
    'sung words that are also headings',
    'Solo⏎Break my heart⏎Verse of my life⏎(Chorus of angels)⏎chorus⏎Hook, line⏎Final',
    'Solo⏎Break my heart⏎Verse of my life⏎(Chorus of angels)⏎chorus⏎Hook, line⏎Final',
  ],
  [
    'Genius page',
    '12 ContributorsTranslationsSea Lyrics⏎[Chorus]⏎One⏎You might also like[Verse 1]⏎Two⏎You might also like⏎Three5Embed',
    'One⏎Two⏎Three',
  ],
  ['Genius title', 'Sea Song Lyrics⏎[Chorus]⏎One⏎Embed', 'One'],
  ['title-like first line without headings', 'I forgot the lyrics⏎La la', 'I forgot the lyrics⏎La la'],
  [
    'credits before and after',
    'Lyrics by Ana Ruiz & J. Smith⏎Music: Bo⏎One⏎Two⏎Three⏎Written by: Ana⏎Songwriters: Ana Ruiz / Bo⏎Lyrics © Big Publishing⏎All rights reserved',
    'One⏎Two⏎Three',
  ],
  [
    'sung words like credits',
    'Written by the hand of God⏎Music: the food of love⏎Produced by no one I know⏎Song of joy',
    'Written by the hand of God⏎Music: the food of love⏎Produced by no one I know⏎Song of joy',
  ],
  ['Chinese credits', '作词：林夕⏎作曲: 王菲⏎编曲：张⏎我爱你⏎再见', '我爱你⏎再见', 'zh'],
  ['German credits', 'Text und Musik: Anna Bauer⏎Eins⏎Zwei', 'Eins⏎Zwei', 'de'],
  ['addresses', 'One⏎Lyrics from www.example.com⏎https://example.com/a', 'One'],
  ['the Musixmatch footer', 'One⏎...⏎⏎******* This Lyrics is NOT for Commercial use *******⏎(1409617829201)', 'One'],
  ['chords above words', 'Am  G  C⏎Row your boat⏎F#m7 | Bsus4 | E/G# (x2)⏎Gently', 'Row your boat⏎Gently'],
  ['plain letters on a chord sheet', 'Am G⏎One⏎C⏎Two⏎Dm⏎Three', 'One⏎Two⏎Three'],
  ['plain letters that are sung', 'A B C⏎Easy as⏎D E F G', 'A B C⏎Easy as⏎D E F G'],
  [
    'ChordPro',
    '{title: Sea}⏎{soc}⏎[Am]Row, [G/B]row⏎[C]  [D]⏎down the [F#m7b5]stream⏎{eoc}',
    'Row, row⏎down the stream',
  ],
  ['tablature', 'e|---3---2---|⏎B|--1--------|⏎One', 'One'],
  ['capo and tuning', 'Capo 2nd fret⏎Tuning: EADGBE⏎One', 'One'],
  ['words like chords', 'Am I⏎Em⏎Add me', 'Am I⏎Add me'],
  [
    'repeat marks on lines',
    'La la x2⏎Na na (x3)⏎Oh [2x]⏎Hey (bis)⏎Ho ×2',
    'La la⏎La la⏎Na na⏎Na na⏎Na na⏎Oh⏎Oh⏎Hey⏎Hey⏎Ho⏎Ho',
  ],
  ['a mark within brackets', '(oh yeah x2)⏎One', '(oh yeah)⏎(oh yeah)⏎One'],
  ['a block’s mark', 'One⏎Two⏎(x2)⏎⏎Three⏎Four', 'One⏎Two⏎One⏎Two⏎Three⏎Four'],
  ['a mark after a gap belongs to nothing', 'One⏎⏎(x2)⏎⏎Two', 'One⏎Two'],
  ['a section’s mark', '[Chorus x2]⏎One⏎Two⏎⏎[Verse]⏎Three', 'One⏎Two⏎One⏎Two⏎Three'],
  [
    'a section named again',
    '[Chorus]⏎One⏎Two⏎⏎[Verse 1]⏎Three⏎⏎[Chorus]⏎⏎[Verse 2]⏎Four⏎⏎Chorus x2',
    'One⏎Two⏎Three⏎One⏎Two⏎Four⏎One⏎Two⏎One⏎Two',
  ],
  ['repeat the chorus', 'Chorus:⏎One⏎⏎Verse 2:⏎Two⏎⏎Repeat Chorus', 'One⏎Two⏎One'],
  ['a count beyond reason', 'La (x99)', 'La'],
  ['numbers that are sung', 'One x two⏎99⏎4x4⏎Route 66⏎Times 2', 'One x two⏎99⏎4x4⏎Route 66⏎Times 2'],
  ['apostrophes', 'don`t stop runnin´ now⏎it’s ‘fine’', "don't stop runnin' now⏎it’s ‘fine’"],
  ['spaces about commas', 'Hello ,world ok⏎one,two⏎1,000 miles , yes', 'Hello, world ok⏎one, two⏎1,000 miles, yes'],
  ['French spaces', 'Bonjour ! Ça va ?', 'Bonjour ! Ça va ?', 'fr'],
  ['i in English', "i know i'm i’ll⏎hi⏎(i)", "I know I'm I’ll⏎hi⏎(I)"],
  ['i elsewhere', 'ty i ja', 'ty i ja', 'pl'],
  ['small letters as a style', 'hello from me', 'hello from me'],
  [
    'capitals throughout',
    "HELLO FROM THE OTHER SIDE⏎I'M SINGING IN THE RAIN AGAIN⏎AND I LOVE IT (OH YEAH) ALRIGHT",
    "Hello from the other side⏎I'm singing in the rain again⏎And I love it (oh yeah) alright",
  ],
  ['one line in capitals', 'HEY YOU⏎out there', 'HEY YOU⏎out there'],
  [
    'Turkish capitals',
    'IŞIKLAR SÖNDÜ BU GECE YİNE⏎IŞIKLAR SÖNDÜ BU GECE YİNE HER YER KARANLIK⏎IŞIK',
    'Işıklar söndü bu gece yine⏎Işıklar söndü bu gece yine her yer karanlık⏎Işık',
    'tr',
  ],
  ['entities and tags', 'You &amp; me &#x27;til<br>dawn <i>oh</i> &#8230;', "You & me 'til⏎dawn oh …"],
  ['a wrong encoding', 'donâ€™t cry⏎coraÃ§Ã£o', 'don’t cry⏎coração'],
  ['notes', '♪ la la ♪⏎♪♪⏎hey', 'la la⏎hey'],
  ['decomposed letters', 'cafe\u0301', 'café'],
  ['lines without words', '***⏎One⏎-----⏎…⏎Two', 'One⏎Two'],
  ['backing vocals', 'One (ooh)⏎(Yeah, yeah)', 'One (ooh)⏎(Yeah, yeah)'],
  ['LRC', '[ti:x]⏎[00:01.00][Chorus]⏎[00:02.00]One (x2)⏎[00:04.00]', 'One⏎One'],
  ['right to left', '[Chorus]⏎שלום עולם', 'שלום עולם', 'he'],
]

const CASES = WRITTEN.map(([name, text, lines, language = 'en']) => [name, text, lines, language] as const)

test.each(CASES)('%s', async (_, text, expected, language) => {
  expect(await normalize(text.replaceAll('⏎', '\n'), language)).toEqual(expected.split('⏎'))
})

test.each(CASES)('cleaning twice is cleaning once: %s', async (_, text, __, language) => {
  const once = await normalize(text.replaceAll('⏎', '\n'), language)
  if (once.length > 0) expect(await normalize(once.join('\n'), language)).toEqual(once)
})

test('any mixture of marks, headings and chords comes to an end, and cleaning it again changes nothing', async () => {
  const random = seeded(21)
  const pieces = [
    ...[
      '[Chorus]',
      'Chorus:',
      '(x2)',
      'x2',
      '[',
      ']',
      '(',
      ')',
      'Verse 1',
      'Repeat',
      'Am',
      'G/B',
      'Written by',
      'Ana',
      'Embed',
      '5Embed',
    ],
    ...[
      'You might also like',
      'la',
      'I',
      'i',
      ' ,',
      '`',
      '&amp;',
      '&lt;',
      'Ã©',
      '♪',
      '{c}',
      '|',
      '--',
      '1',
      ':',
      '©',
      'Lyrics',
      '作词：',
      'HEY',
    ],
  ]
  for (let round = 0; round < 1_500; round++) {
    let text = 'la\n'
    for (let i = random.int(25); i >= 0; i--) text += random.pick(pieces) + random.pick([' ', '', '\n', '\n\n'])
    const once = await normalize(text)
    if (once.some((line) => /[\p{L}\p{N}]/u.test(line))) expect(await normalize(once.join('\n')), text).toEqual(once)
  }
})

test('headings alone leave no lines, and repeats never grow beyond the limit', async () => {
  expect(await normalize('[Intro]\n[Outro]')).toEqual([])
  expect((await normalize(`${'la la (x8) (x1)\n'.repeat(1_000)}`)).length).toBeLessThanOrEqual(2_000)
})
