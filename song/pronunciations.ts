import type { PhoneName } from './phones.ts'

/** How each word of the song is sung: ARPAbet phones, syllables divided by a full stop. */
const WORDS: Readonly<Record<string, string>> = {
  a: 'AH',
  all: 'AO L',
  and: 'AE N D',
  are: 'AA R',
  at: 'AE T',
  awake: 'AH . W EY K',
  bridge: 'B R IH JH',
  bring: 'B R IH NG',
  by: 'B AY',
  can: 'K AE N',
  coat: 'K OW T',
  comes: 'K AH M Z',
  down: 'D AW N',
  dream: 'D R IY M',
  every: 'EH V . R IY',
  follow: 'F AA . L OW',
  glow: 'G L OW',
  go: 'G OW',
  hand: 'HH AE N D',
  "here's": 'HH IH R Z',
  hold: 'HH OW L D',
  home: 'HH OW M',
  houses: 'HH AW . Z AH Z',
  i: 'AY',
  inside: 'IH N . S AY D',
  key: 'K IY',
  lantern: 'L AE N . T ER N',
  late: 'L EY T',
  light: 'L AY T',
  like: 'L AY K',
  me: 'M IY',
  my: 'M AY',
  night: 'N AY T',
  past: 'P AE S T',
  place: 'P L EY S',
  rain: 'R EY N',
  road: 'R OW D',
  see: 'S IY',
  silver: 'S IH L . V ER',
  sing: 'S IH NG',
  sleeping: 'S L IY . P IH NG',
  song: 'S AO NG',
  stars: 'S T AA R Z',
  stream: 'S T R IY M',
  take: 'T EY K',
  that: 'DH AE T',
  the: 'DH AH',

  to: 'T UW',
  trees: 'T R IY Z',
  us: 'AH S',
  want: 'W AA N T',
  when: 'W EH N',
  will: 'W IH L',
  window: 'W IH N . D OW',
  with: 'W IH TH',
  your: 'Y AO R',
}

/** @returns the word's syllables, each a list of phones with exactly one vowel */
export function pronounce(word: string): PhoneName[][] {
  const entry = WORDS[word.toLowerCase()]
  if (entry === undefined)
    throw new Error(`expected a word of the song, got "${word}": add it to song/pronunciations.ts`)
  return entry.split(' . ').map((syllable) => syllable.split(' ') as PhoneName[])
}
