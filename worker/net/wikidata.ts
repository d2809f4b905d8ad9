import { z } from 'zod'
import { ProviderRejected, ProviderUnavailable } from '../errors.ts'
import type { Http } from './http.ts'
import { createPace } from './pace.ts'

/** The variables of every provider that asks Wikidata, besides the contact. */
export const wikidataVariables = {
  WIKIDATA_URL: z.url().default('https://www.wikidata.org/w/api.php').meta({ description: 'Wikidata’s Action API' }),
  WIKIDATA_INTERVAL_MS: z.coerce
    .number()
    .min(0)
    .default(500)
    .meta({ description: 'least time between two calls; its operators ask to be called one by one' }),
}

const variables = z.object(wikidataVariables)

/** Beyond this many seconds that its copies lag behind, Wikidata asks programs to come back later. */
const MAX_LAG_SECONDS = '5'
/** Most items the interface gives in one answer. */
const MOST_ITEMS = 50

const Failure = z.object({ code: z.string(), info: z.string().nullish() }).optional()
const Found = z.object({
  error: Failure,
  query: z.object({ search: z.array(z.object({ title: z.string() })) }).optional(),
})
const Term = z.object({ value: z.string().min(1) })
// An empty object comes as an empty list.
const byName = <T extends z.ZodType>(value: T) =>
  z.preprocess((given) => (Array.isArray(given) ? {} : given), z.record(z.string(), value))
const Statement = z.object({
  rank: z.string(),
  mainsnak: z.object({
    snaktype: z.string(),
    datavalue: z.object({ value: z.unknown() }).optional(),
  }),
})
const Item = z.object({
  id: z.string(),
  missing: z.unknown().optional(),
  labels: byName(Term).optional(),
  aliases: byName(z.array(Term)).optional(),
  claims: byName(z.array(Statement)).optional(),
})
const Items = z.object({ error: Failure, entities: byName(Item).optional() })
export type WikidataItem = z.output<typeof Item>

/** Reads Wikidata, one call after another. */
export interface WikidataClient {
  /** Ids of the items that a query of its search finds, best first, such as `haswbstatement:P2207=<id>`. */
  search(query: string, limit: number, signal: AbortSignal): Promise<readonly string[]>
  /** Up to 50 items in the order of their ids, without those that are gone. */
  items(ids: readonly string[], languages: readonly string[], signal: AbortSignal): Promise<readonly WikidataItem[]>
}

/**
 * @param headers must hold a `user-agent` that says how to reach the caller
 * @see https://www.wikidata.org/w/api.php
 */
export function createWikidataClient(
  settings: z.output<typeof variables>,
  http: Http,
  headers: Readonly<Record<string, string>>,
): WikidataClient {
  const pace = createPace(settings.WIKIDATA_INTERVAL_MS)

  async function call<Schema extends z.ZodType<{ error?: z.output<typeof Failure> }>>(
    query: Readonly<Record<string, string>>,
    schema: Schema,
    signal: AbortSignal,
  ): Promise<z.output<Schema>> {
    await pace(signal)
    const parameters = new URLSearchParams({ ...query, format: 'json', maxlag: MAX_LAG_SECONDS })
    const answer = await http.json(`${settings.WIKIDATA_URL}?${parameters}`, schema, { headers, signal })
    // Errors come as good answers.
    if (answer.error) throw failure(answer.error)
    return answer
  }

  return {
    async search(query, limit, signal) {
      const given = { action: 'query', list: 'search', srsearch: query, srnamespace: '0', srlimit: `${limit}` }
      const { query: found } = await call(given, Found, signal)
      return (found?.search ?? []).map(({ title }) => title).filter((title) => /^Q\d+$/.test(title))
    },
    async items(ids, languages, signal) {
      if (ids.length === 0) return []
      const wanted = ids.slice(0, MOST_ITEMS)
      const given = { action: 'wbgetentities', ids: wanted.join('|'), props: 'labels|aliases|claims' }
      const { entities = {} } = await call({ ...given, languages: languages.join('|') }, Items, signal)
      return wanted.flatMap((id) => (entities[id] && entities[id].missing === undefined ? [entities[id]] : []))
    },
  }
}

function failure({ code, info }: NonNullable<z.output<typeof Failure>>) {
  const said = `answered ${code}${info ? `: ${info.replace(/\s+/g, ' ').slice(0, 300)}` : ''}`
  const isLater = ['maxlag', 'ratelimited', 'readonly'].includes(code) || code.startsWith('internal_api_error')
  return isLater ? new ProviderUnavailable('wikidata', said) : new ProviderRejected('wikidata', said)
}

/** A property's text values, the preferred ones first: ids in other databases, or ids of items. Deprecated ones are left out. */
export function statementsOf(item: WikidataItem, property: string): readonly string[] {
  const good = (item.claims?.[property] ?? []).filter(
    ({ rank, mainsnak }) => rank !== 'deprecated' && mainsnak.snaktype === 'value',
  )
  return good
    .toSorted((a, b) => Number(b.rank === 'preferred') - Number(a.rank === 'preferred'))
    .flatMap(({ mainsnak }) => textOf(mainsnak.datavalue?.value) ?? [])
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value || null
  if (typeof value !== 'object' || value === null || !('id' in value)) return null
  return typeof value.id === 'string' ? value.id : null
}
