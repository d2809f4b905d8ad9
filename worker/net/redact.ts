const SECRET_PARAMETER = /key|token|secret|signature|credential/i
const SECRET_HEADER = /^(authorization|cookie|proxy-authorization|.*(api-?key|token|secret|password).*)$/i
const URL_IN_TEXT = /\b([a-z][a-z0-9+.-]*):\/\/[^\s"'<>\\]+/gi
const SCHEME_AND_TOKEN = /\b(bearer|basic|key|deepl-auth-key)\s+[A-Za-z0-9+/=._~:-]{6,}/gi
const NAMED_SECRET =
  /(["']?[\w-]*(?:api_?-?key|access_?-?key|token|secret|password|signature|credential)[\w-]*["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,&;}]+)/gi

/**
 * A URL as it may be shown: without user name, password, query values and fragment, because all of these carry
 * credentials and signatures. Text that is not a URL becomes `(not a URL)`.
 */
export function displayUrl(url: string | URL): string {
  const parsed = typeof url === 'string' ? URL.parse(url) : url
  if (!parsed) return '(not a URL)'
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}${parsed.search ? '?…' : ''}`
}

/**
 * Removes credentials from text that goes into a message or a log: the given secrets wherever they occur, URLs' user names
 * and queries, authorization headers, and values named like keys, tokens, signatures and passwords.
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = text
  for (const secret of secrets) if (secret.length >= 4) clean = clean.replaceAll(secret, '…')
  return clean
    .replace(URL_IN_TEXT, (url) => displayUrl(url))
    .replace(SCHEME_AND_TOKEN, '$1 …')
    .replace(NAMED_SECRET, '$1…')
}

/** The values among request headers that must never be shown, with and without their scheme (`Bearer x` and `x`). */
export function secretsOf(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers)
    .filter(([name]) => SECRET_HEADER.test(name))
    .flatMap(([, value]) => [value, value.slice(value.indexOf(' ') + 1)])
}

/** The values in a URL's query that must never be shown; of `X-Amz-Credential` the access key that stands first. */
export function secretsInUrl(url: string): string[] {
  const query = URL.parse(url)?.searchParams
  if (!query) return []
  return [...query].filter(([name]) => SECRET_PARAMETER.test(name)).flatMap(([, value]) => [value, value.split('/')[0]])
}
