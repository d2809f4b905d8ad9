/** The French model's nearest phone for each of the English model's. */
const FRENCH: Readonly<Record<string, string>> = {
  ...{ AA: 'aa', AE: 'aa', AH: 'ee', AO: 'oo', AW: 'aa', AY: 'aa', EH: 'ai', ER: 'oe', EY: 'ei', IH: 'ii', IY: 'ii' },
  ...{ OW: 'au', OY: 'oo', UH: 'ou', UW: 'ou', B: 'bb', CH: 'ch', D: 'dd', DH: 'zz', F: 'ff', G: 'gg', HH: 'rr' },
  ...{ JH: 'jj', K: 'kk', L: 'll', M: 'mm', N: 'nn', NG: 'nn', P: 'pp', R: 'rr', S: 'ss', SH: 'ch', T: 'tt', TH: 'ss' },
  ...{ V: 'vv', W: 'ww', Y: 'yy', Z: 'zz', ZH: 'jj' },
}

/** ARPAbet's nearest phone for each of the French model's. */
const ARPABET: Readonly<Record<string, string>> = {
  ...{ aa: 'AA', ai: 'EH', an: 'AA', au: 'OW', ee: 'AH', ei: 'EY', eu: 'ER', ii: 'IY', in: 'AE', oe: 'ER', on: 'OW' },
  ...{ oo: 'AO', ou: 'UW', un: 'AH', uu: 'UW', bb: 'B', ch: 'SH', dd: 'D', ff: 'F', gg: 'G', gn: 'N', jj: 'ZH' },
  ...{ kk: 'K', ll: 'L', mm: 'M', nn: 'N', pp: 'P', rr: 'R', ss: 'S', tt: 'T', uy: 'W', vv: 'V', ww: 'W', yy: 'Y' },
  ...{ zz: 'Z' },
}

export function frenchOfArpabet(phones: readonly string[]): string[] {
  return phones.map((phone) => FRENCH[phone] ?? 'ee')
}

/** A phone of either model as ARPAbet. */
export function arpabetOfPhone(phone: string): string {
  return ARPABET[phone] ?? phone
}
