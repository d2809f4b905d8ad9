/** How each phone sounds: the acoustic targets the singing voice moves between. */

/** Vowels may glide (diphthongs); the other kinds decide how a phone joins its neighbours. */
export type PhoneKind = 'vowel' | 'glide' | 'nasal' | 'stop' | 'fricative' | 'affricate' | 'aspirate'

/** Noise made at a constriction: two resonances and a flat part. Gains are relative to a full vowel's source. */
export interface Frication {
  readonly lowHz: number
  readonly lowBandwidthHz: number
  readonly lowGain: number
  readonly highHz: number
  readonly highBandwidthHz: number
  readonly highGain: number
  readonly flatGain: number
}

export interface Phone {
  readonly kind: PhoneKind
  /** Length as a consonant; a vowel lasts as long as its note allows. */
  readonly seconds: number
  /** First three formants in Hz for an adult male tract; the voice scales them. */
  readonly formantsHz: readonly [number, number, number]
  /** Where a diphthong ends. */
  readonly endFormantsHz: readonly [number, number, number]
  readonly bandwidthsHz: readonly [number, number, number]
  /** Amplitude of the glottal source, 0…1. */
  readonly voicing: number
  readonly frication: Frication | null
}

type Triple = readonly [number, number, number]

const VOWEL_BANDWIDTHS: Triple = [70, 80, 100]

function vowel(formantsHz: Triple, endFormantsHz: Triple = formantsHz): Phone {
  return {
    kind: 'vowel',
    seconds: 0.1,
    formantsHz,
    endFormantsHz,
    bandwidthsHz: VOWEL_BANDWIDTHS,
    voicing: 1,
    frication: null,
  }
}

function consonant(
  kind: PhoneKind,
  seconds: number,
  formantsHz: Triple,
  bandwidthsHz: Triple,
  voicing: number,
  frication: Frication | null = null,
): Phone {
  return { kind, seconds, formantsHz, endFormantsHz: formantsHz, bandwidthsHz, voicing, frication }
}

function noise(low: Triple, high: Triple, flatGain: number): Frication {
  const [lowHz, lowBandwidthHz, lowGain] = low
  const [highHz, highBandwidthHz, highGain] = high
  return { lowHz, lowBandwidthHz, lowGain, highHz, highBandwidthHz, highGain, flatGain }
}

function louder(frication: Frication, gain: number): Frication {
  return {
    ...frication,
    lowGain: frication.lowGain * gain,
    highGain: frication.highGain * gain,
    flatGain: frication.flatGain * gain,
  }
}

const HISS = noise([4300, 1400, 0.5], [7200, 2600, 0.5], 0.03)
const HUSH = noise([2700, 600, 0.9], [4600, 1500, 0.7], 0.04)
const LABIAL_HISS = noise([1500, 1500, 0.1], [7500, 4000, 0.25], 0.1)
const DENTAL_HISS = noise([1800, 1500, 0.06], [6800, 3500, 0.25], 0.06)
const LABIAL_BURST = noise([900, 900, 0.7], [3000, 3000, 0.2], 0.2)
const ALVEOLAR_BURST = noise([3900, 1400, 0.8], [6200, 2500, 0.35], 0.06)
const VELAR_BURST = noise([2000, 500, 1.6], [4200, 1500, 0.4], 0.1)

/**
 * The 39 phones of American English, in ARPAbet.
 *
 * Formant and bandwidth targets are rounded from the tables of measured speech in the literature.
 *
 * @see Klatt, “Software for a cascade/parallel formant synthesizer”, 1980, https://doi.org/10.1121/1.383940
 * @see Hillenbrand et al., “Acoustic characteristics of American English vowels”, 1995, https://doi.org/10.1121/1.411872
 */
export const PHONES = {
  AA: vowel([720, 1200, 2550]),
  AE: vowel([660, 1720, 2450]),
  AH: vowel([640, 1250, 2500]),
  AO: vowel([600, 950, 2550]),
  AW: vowel([700, 1250, 2500], [440, 950, 2350]),
  AY: vowel([700, 1200, 2500], [390, 1950, 2600]),
  EH: vowel([560, 1700, 2500]),
  ER: vowel([480, 1300, 1650]),
  EY: vowel([480, 1850, 2550], [340, 2150, 2750]),
  IH: vowel([490, 1780, 2500]),
  IY: vowel([300, 2200, 2950]),
  OW: vowel([500, 920, 2430], [410, 800, 2300]),
  OY: vowel([540, 930, 2400], [370, 1850, 2500]),
  UH: vowel([460, 1100, 2350]),
  UW: vowel([330, 1050, 2250]),

  W: consonant('glide', 0.075, [290, 640, 2200], [60, 90, 100], 0.75),
  Y: consonant('glide', 0.08, [250, 2250, 3100], [50, 150, 300], 0.5),
  R: consonant('glide', 0.08, [330, 1080, 1450], [70, 100, 120], 0.8),
  L: consonant('glide', 0.08, [340, 1060, 2850], [60, 110, 250], 0.75),

  M: consonant('nasal', 0.085, [420, 1200, 2200], [90, 200, 220], 0.7),
  N: consonant('nasal', 0.08, [420, 1500, 2600], [90, 250, 280], 0.7),
  NG: consonant('nasal', 0.09, [420, 2050, 2800], [90, 250, 280], 0.7),

  P: consonant('stop', 0.11, [400, 1000, 2150], [200, 120, 200], 0, LABIAL_BURST),
  T: consonant('stop', 0.12, [400, 1700, 2650], [200, 120, 200], 0, ALVEOLAR_BURST),
  K: consonant('stop', 0.125, [350, 1900, 2600], [200, 150, 250], 0, VELAR_BURST),
  B: consonant('stop', 0.08, [230, 1000, 2150], [80, 110, 150], 0.05, louder(LABIAL_BURST, 0.7)),
  D: consonant('stop', 0.075, [230, 1700, 2650], [80, 110, 150], 0.05, louder(ALVEOLAR_BURST, 0.7)),
  G: consonant('stop', 0.08, [230, 1900, 2600], [80, 150, 220], 0.05, louder(VELAR_BURST, 0.7)),

  CH: consonant('affricate', 0.13, [330, 1800, 2700], [200, 100, 250], 0, HUSH),
  JH: consonant('affricate', 0.1, [260, 1800, 2700], [80, 100, 250], 0.06, louder(HUSH, 0.7)),

  F: consonant('fricative', 0.1, [340, 1100, 2100], [200, 120, 150], 0, LABIAL_HISS),
  TH: consonant('fricative', 0.095, [320, 1300, 2550], [200, 90, 200], 0, DENTAL_HISS),
  S: consonant('fricative', 0.11, [320, 1500, 2600], [200, 90, 200], 0, HISS),
  SH: consonant('fricative', 0.115, [310, 1800, 2700], [200, 100, 300], 0, HUSH),
  V: consonant('fricative', 0.065, [260, 1100, 2100], [80, 100, 140], 0.45, louder(LABIAL_HISS, 0.6)),
  DH: consonant('fricative', 0.06, [280, 1350, 2550], [80, 90, 180], 0.4, louder(DENTAL_HISS, 1)),
  Z: consonant('fricative', 0.085, [260, 1500, 2600], [80, 90, 180], 0.35, louder(HISS, 0.6)),
  ZH: consonant('fricative', 0.085, [260, 1800, 2700], [80, 100, 250], 0.35, louder(HUSH, 0.6)),

  HH: consonant('aspirate', 0.075, [450, 1450, 2450], [200, 150, 200], 0),
} as const satisfies Record<string, Phone>

export type PhoneName = keyof typeof PHONES
