/** IPA symbols as the English model's nearest phones (ARPAbet), two spaces never: `tʃ` → `CH`. Longer symbols win. */
const ARPABET: Readonly<Record<string, string>> = {
  // Diphthongs and affricates.
  ...{ aɪ: 'AY', aʊ: 'AW', eɪ: 'EY', oʊ: 'OW', əʊ: 'OW', ɔɪ: 'OY', ai: 'AY', au: 'AW', ei: 'EY', ou: 'OW', ɔʏ: 'OY' },
  ...{ tʃ: 'CH', dʒ: 'JH', tɕ: 'CH', dʑ: 'JH', tʂ: 'CH', ʈʂ: 'CH', ʧ: 'CH', ʤ: 'JH', ts: 'T S', pf: 'P F' },
  // Vowels.
  ...{ i: 'IY', ɪ: 'IH', e: 'EY', ɛ: 'EH', æ: 'AE', a: 'AA', ɑ: 'AA', ɐ: 'AH', ʌ: 'AH', ə: 'AH', ɘ: 'AH', ɤ: 'AH' },
  ...{ ɔ: 'AO', ɒ: 'AA', o: 'OW', ʊ: 'UH', u: 'UW', ɯ: 'UW', ɨ: 'IH', ᵻ: 'IH', ʉ: 'UW', y: 'UW', ʏ: 'UH', ø: 'ER' },
  ...{ œ: 'ER', ɜ: 'ER', ɝ: 'ER', ɚ: 'ER', ɵ: 'UH' },
  // Consonants.
  ...{ p: 'P', b: 'B', t: 'T', d: 'D', k: 'K', g: 'G', ɡ: 'G', q: 'K', ʔ: '', ʈ: 'T', ɖ: 'D', c: 'K', ɟ: 'G' },
  ...{ m: 'M', n: 'N', ŋ: 'NG', ɲ: 'N Y', ɳ: 'N', ɴ: 'NG', f: 'F', v: 'V', θ: 'TH', ð: 'DH', s: 'S', z: 'Z' },
  ...{ ʃ: 'SH', ʒ: 'ZH', ɕ: 'SH', ʑ: 'ZH', ʂ: 'SH', ʐ: 'ZH', ç: 'HH', x: 'HH', χ: 'HH', h: 'HH', ɦ: 'HH', ħ: 'HH' },
  ...{ ɣ: 'G', ʁ: 'R', ɹ: 'R', ɻ: 'R', r: 'R', ɾ: 'D', ʀ: 'R', l: 'L', ɫ: 'L', ʎ: 'L Y', ʟ: 'L', ɬ: 'L', ʋ: 'V' },
  ...{ w: 'W', ʍ: 'W', j: 'Y', ʝ: 'Y', ɥ: 'W', β: 'B', ɸ: 'F' },
}

const LONGEST = Math.max(...Object.keys(ARPABET).map((symbol) => symbol.length))

/** ARPAbet phones of an IPA string. Stress, length, tone and unknown signs are passed over; the result can be empty. */
export function arpabetOfIpa(ipa: string): string[] {
  // Nasal vowels lose their tilde in the decomposition: the English model has none.
  const text = ipa
    .normalize('NFD')
    .replace(/c\u0327/g, 'ç')
    .replace(/[\p{M}ʲʰʷ]/gu, '')
  const phones: string[] = []
  for (let i = 0; i < text.length; ) {
    let size = Math.min(LONGEST, text.length - i)
    while (size > 0 && ARPABET[text.slice(i, i + size)] === undefined) size--
    if (size > 0) phones.push(...ARPABET[text.slice(i, i + size)].split(' '))
    i += Math.max(1, size)
  }
  return phones.filter((phone) => phone !== '')
}
