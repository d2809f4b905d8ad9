// Lines that are never sung, wherever they stand.
const FOOTERS = [
  /^you might also like$/i,
  /^\d*\s*embed$/i,
  /^\d+\s*contributors?/i,
  /^see .+ live\s*get tickets/i,
  /^get tickets as low as/i,
  /^(?:submit|request) (?:a )?(?:corrections?|lyrics)/i,
  /^(?:thanks|thank you) to .+ for (?:these|the|adding|correcting|submitting).*lyrics/i,
  /^\**\s*this lyrics? is not for commercial use/i,
  /^\(\d{6,}\)$/,
  /^(?:lyrics|paroles|letras?|songtext)\s*(?:©|\(c\)|copyright|licensed)/i,
  /^(?:lyrics|paroles|letra|songtext|text)\b.*\b(?:licensed|provided|powered|submitted|courtesy) by\b/i,
  /^(?:©|\(c\)\s*(?:19|20)\d\d|copyright\b)/i,
  /\ball rights reserved\b/i,
  /^(?:https?:\/\/|www\.)\S+$/i,
  /^(?:lyrics|paroles|letra|songtext|tekst)?\s*(?:from|at|found (?:on|at)|source|quelle|fuente|fonte)?\s*:?\s*(?:https?:\/\/|www\.)\S+$/i,
  /^paroles de (?:la )?chanson .+ par .+/i,
  /^(?:source|quelle|fuente|fonte)\s*:\s*(?:lyricfind|musixmatch|genius|azlyrics|lrclib|letras)\b/i,
  /^[({]?\s*(?:title|artist|album|key|tempo|tuning|capo|time|bpm|genre|year|released?)\s*:\s*\S.*$/i,
  /^(?:capo\b.*\d|no capo\b)/i,
  /^\{[a-z_]+(?::.*)?\}$/i,
]

const ROLE_WORDS = [
  ...[
    'lyrics?',
    'words',
    'music',
    'words (?:and|&) music',
    'lyrics (?:and|&) music',
    'music (?:and|&) lyrics',
    'song',
    'vocals?',
  ],
  ...[
    'written',
    'composed',
    'produced',
    'arranged',
    'performed',
    'recorded',
    'mixed',
    'mastered',
    'engineered',
    'transcribed',
    'translated',
  ],
  ...[
    'submitted',
    'published',
    'written (?:and|&) (?:composed|performed|produced)',
    'originally (?:recorded|performed|sung)',
  ],
].join('|')
const ROLES = [
  ...[
    'song-?writers?',
    'writers?',
    'lyricists?',
    'composers?',
    'producers?',
    'arrangers?',
    'publishers?',
    'label',
    'featuring',
    'feat',
  ],
  ...['paroles', 'musique', 'auteurs?', 'compositeurs?', 'paroles et musique', 'traduction'],
  ...[
    'letra',
    'música',
    'letra y música',
    'letra e música',
    'autor(?:es)?',
    'compositor(?:es)?',
    'testo',
    'musica',
    'autore',
    'autori',
  ],
  ...[
    'text',
    'musik',
    'text und musik',
    'musik und text',
    'songtext',
    'komponist',
    'texter',
    'tekst',
    'muzyka',
    'söz',
    'müzik',
    'söz & müzik',
  ],
  ...['слова', 'музыка', 'текст', 'автор'],
  ...[
    '作词',
    '作詞',
    '作曲',
    '编曲',
    '編曲',
    '词',
    '詞',
    '曲',
    '制作人',
    '製作人',
    '演唱',
    '歌手',
    '작사',
    '작곡',
    '편곡',
  ],
].join('|')

const BY = new RegExp(String.raw`^\(?(?:${ROLE_WORDS})\s+by\b\s*:?\s*(.+?)\)?$`, 'iu')
const ROLE = new RegExp(
  String.raw`^\(?(?:${ROLES}|${ROLE_WORDS})(?:\s+by|\s*\/\s*(?:${ROLES}|${ROLE_WORDS}))?\s*[:：]\s*(.+?)\)?$`,
  'iu',
)
const NAME_JOIN = /^(?:and|und|et|y|e|i|и|ve|of|the|de|da|di|del|van|von|la|le|feat\.?|ft\.?|[&+/,|-])$/iu
const NAME = /^["'“‘(]?[\p{Lu}\p{Lo}\p{N}]/u

/** How many lines from either end may be credits when only their form says so. */
const EDGE_LINES = 6

/**
 * Whether a line is a credit, a site's footer or a header, and not sung.
 *
 * @param line clean text
 * @param fromEdge lines between it and the nearer end of the lyrics; 0 for the first and the last
 */
export function isCredit(line: string, fromEdge: number): boolean {
  if (FOOTERS.some((pattern) => pattern.test(line))) return true
  if (fromEdge >= EDGE_LINES) return false
  const match = BY.exec(line) ?? ROLE.exec(line)
  return match !== null && isNames(match[1])
}

/** Takes off what sites glue to a line: `I love you12Embed`, `You might also likeAnd I`. */
export function stripGlued(line: string): string {
  return line
    .replace(/^You might also like(?=[\p{Lu}[(])/u, '')
    .replace(/(?<=\S)You might also like$/, '')
    .replace(/(?<=[\p{L}\p{P}])\d*Embed$/u, '')
}

/** The title line that Genius puts first: `12 ContributorsSea Song Lyrics`, `Sea Song Lyrics`. */
export function isTitleLine(line: string, index: number): boolean {
  return index === 0 && /\S\s+(?:lyrics|songtext|letra)$/iu.test(line)
}

/** "Ana Ruiz & J. Smith", not "the hand of God". */
function isNames(text: string): boolean {
  const words = text.split(/\s+/).filter((word) => !NAME_JOIN.test(word))
  return words.length > 0 && words.length <= 16 && words.every((word) => NAME.test(word))
}
