/**
 * A letter-to-sound rule: at a position of a word in lower case (NFC), a pattern and the phones it says.
 * The first rule that matches wins; what no rule matches is silent.
 */
export type LetterRule = readonly [pattern: RegExp, phones: string]

/** Writes rules as lines of `pattern = phones`; patterns are regular expressions tried at the current letter. */
function rules(text: string): readonly LetterRule[] {
  return text
    .trim()
    .split('\n')
    .flatMap((line) => line.trim().split(/\s*;\s*/))
    .filter((rule) => rule !== '')
    .map((rule) => {
      // The last sign: lookaheads contain it too.
      const sign = rule.lastIndexOf('=')
      return [new RegExp(rule.slice(0, sign).trim(), 'uy'), rule.slice(sign + 1).trim()] as const
    })
}

const CONSONANTS = `
  b+=B; d+=D; f+=F; g+=G; h=HH; k+=K; l+=L; m+=M; n+=N; p+=P; q+=K; r+=R; s+=S; t+=T; v+=V; w+=W; z+=Z
`

const SPANISH = rules(`
  ch=CH; ll=Y; rr=R; qu=K; gü=G W; gu(?=[eiéí])=G; g(?=[eiéí])=HH; c(?=[eiéí])=S; c=K; [zç]=S; j=HH; ñ=N Y; h=; [vb]=B; x=K S
  ph=F; a[iy]=AY; au=AW; e[iy]=EY; o[iy]=OY; i(?=[aeouáéóú])=Y; u(?=[aeioáéíó])=W; y(?=[aeiouáéíóú])=Y
  [aáàâ]=AA; [eéèê]=EY; [iíy]=IY; [oóò]=OW; [uúü]=UW
  ${CONSONANTS}
`)

const ITALIAN = rules(`
  sc(?=[eiéèì])=SH; sch=S K; ch=K; c+i(?=[aou])=CH; c+(?=[eiéèì])=CH; c+=K; gli=L Y; gn=N Y; gh=G; g+i(?=[aou])=JH; g+(?=[eiéèì])=JH; qu=K W
  z+=T S; h=; j=Y; x=K S; ai=AY; au=AW; ei=EY; oi=OY; i(?=[aeouàèéò])=Y; u(?=[aeioàèéì])=W
  [aà]=AA; [eéè]=EH; [iìíîy]=IY; [oòó]=AO; [uùú]=UW
  ${CONSONANTS}
`)

const PORTUGUESE = rules(`
  ch=SH; lh=L Y; nh=N Y; rr=HH; (?<=^)r=HH; ss=S; ç=S; qu(?=[eiéêí])=K; qu=K W; gu(?=[eiéêí])=G; g(?=[eiéêí])=ZH; j=ZH; c(?=[eiéêí])=S; c=K
  (?<=[aeiouáâãéêíóôõú])s(?=[aeiouáâãéêíóôõú])=Z; t(?=i|e$)=CH; d(?=i|e$)=JH; h=; x=SH; l(?=[^aeiouáâãéêíóôõúh]|$)=W
  ão=AW N; ãe=AY N; õe=OY N; am$=AW M; ai=AY; au=AW; ei=EY; eu=EH W; oi=OY; ou=OW; e$=IY; o$=UW
  ã=AH N; [aáàâ]=AA; [eéê]=EH; [iíy]=IY; õ=OW N; [oóô]=OW; [uúü]=UW
  ${CONSONANTS}
`)

const GERMAN = rules(`
  tsch=CH; sch=SH; chs=K S; (?<=[aou])ch=HH; ch=HH; ck=K; ph=F; pf=P F; qu=K V; tz=T S; z=T S; ß=S; ss=S; (?<=^)s(?=[pt])=SH
  s(?=[aeiouäöüy])=Z; s=S; th=T; v=F; w=V; j=Y; x=K S; c(?=[eiäöü])=T S; c=K; y=UW; ng=NG; nk=NG K; [bp]+(?=$)=P; [dt]+(?=$)=T; (?<!n)g(?=$)=K
  ei|ai|ay|ey=AY; eu|äu=OY; au=AW; ie=IY; (?<=[aeiouäöü])h=; aa|ah=AA; ee|eh=EY; oo|oh=OW; uh=UW; ih=IY; äh=EH; öh=ER; üh=UW
  er$=AH; e$=AH; e(?=[nlmst]$)=AH
  e(?=[^aeiouäöü][aeiouäöü])=EY; o(?=[^aeiouäöü][aeiouäöü])=OW; u(?=[^aeiouäöü][aeiouäöü])=UW; i(?=[^aeiouäöü][aeiouäöü])=IY
  a=AA; e=EH; i=IH; o=AO; u=UH; ä=EH; ö=ER; ü=UW; é=EY
  ${CONSONANTS}
`)

/** For languages without rules of their own and for transliterated scripts: the letters' usual continental values. */
const GENERIC = rules(`
  sch|sh|š|ş|ś=SH; tsh|tch|ch|č|ç|ć=CH; zh|ž|ż|ź=ZH; kh|x=HH; ts|c(?=[eiy])=T S; th=T; ph=F; ng=NG; qu=K W; gh|ğ=G; c|q=K; ñ|ń|ň=N Y; ł=W; ř=R ZH; đ|ď|ð=D; ť|þ=T; ľ|ļ=L
  ai|ay|aj=AY; au|aw=AW; ei|ey|ej=EY; oi|oy|oj=OY; ou|ow=OW; oo=UW; ee=IY; j=Y; y(?=[aeiouáéíóú])=Y
  [aáàâãāăą]=AA; å=AO; æ=AE; [eéèêëēėęě]=EH; [iíìîïīıįy]=IY; [oóòôõōő]=OW; [öøœ]=ER; [uúùûūůűų]=UW; ü=UW; ý=IY; ä=EH; ß=S
  ${CONSONANTS}
`)

/** In the phones of the French model. */
const FRENCH_VOWEL = '[aeiouyàâäéèêëîïôöùûüœæ]'
const FRENCH_CONSONANT = '[bcdfghjklmnpqrstvwxzç]'
/** A nasal sounds before a consonant or at the end, not before a vowel or a second nasal. */
const NASAL = `(?=(?![nmh])${FRENCH_CONSONANT}|$)`
const FRENCH = rules(`
  eaux?=au; aux?$=au; au=au; oê|oi|oy(?!${FRENCH_VOWEL})=ww aa; oy=ww aa yy; oin=ww in; où|oû|ou(?=[iea])=ww; oux?|oû|où=ou
  œu|eu|oeu|œ=oe; (?:ain|ein|aim|in|im|yn|ym)${NASAL}=in; ien${NASAL}=yy in; (?:an|am|en|em)${NASAL}=an; (?:on|om)${NASAL}=on; (?:un|um)${NASAL}=un
  ai|aî|ei|ay=ai; ail(?:l|$)=aa yy; eil(?:l|$)=ai yy; ouil(?:l|$)=ou yy; ueil(?:l|$)=oe yy; (?<=[aeou])ill?(?=e)=yy; ille=ii yy; ill(?=[aoué])=ii yy
  er$|ez$|é=ei; è|ê|ë=ai; e(?=${FRENCH_CONSONANT}{2})=ai; es?$=; e(?=[ct]$)=ai; e=ee; [aàâ]=aa; [iîï](?=${FRENCH_VOWEL})=yy; [iîïy]=ii; [oôö]=oo; u(?=i)=uy; [uûü]=uu; ù=uu; æ=ei
  ch=ch; ph=ff; gn=gn; th=tt; qu|q=kk; gu(?=[eiéèêîy])=gg; ge(?=[aoôâ])=jj; g(?=[eiéèêy])=jj; g+=gg; ç=ss; c(?=[eiéèêy])=ss; cc=kk; c|k+=kk; j=jj
  (?<=${FRENCH_VOWEL})s(?=${FRENCH_VOWEL})=zz; ss=ss; [sxztdp]+$=; (?<=[nr])c?ts?$=; s=ss; x=kk ss; z=zz; h=; w=ww
  b+=bb; d+=dd; f+=ff; l+=ll; m+=mm; n+=nn; p+=pp; r+=rr; t+=tt; v+=vv
`)

/** Rules by primary language; `generic` for all others. */
export const LETTER_RULES: Readonly<Record<string, readonly LetterRule[]>> & {
  readonly generic: readonly LetterRule[]
} = {
  es: SPANISH,
  gl: SPANISH,
  it: ITALIAN,
  pt: PORTUGUESE,
  de: GERMAN,
  fr: FRENCH,
  generic: GENERIC,
}

/** The phones of `word` (lower case) by `letterRules`; empty when all its letters are silent. */
export function soundOut(word: string, letterRules: readonly LetterRule[]): string[] {
  const text = word.normalize('NFC')
  const phones: string[] = []
  for (let i = 0; i < text.length; ) {
    let size = 1
    for (const [pattern, sounds] of letterRules) {
      pattern.lastIndex = i
      const match = pattern.exec(text)
      if (match === null || match[0] === '') continue
      size = match[0].length
      if (sounds !== '') phones.push(...sounds.split(' '))
      break
    }
    i += size
  }
  return phones
}
