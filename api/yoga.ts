import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention'
import { renderGraphiQL } from '@graphql-yoga/render-graphiql'
import type { GraphQLSchema } from 'graphql'
import { createYoga } from 'graphql-yoga'
import { isAuthorized, useAuthorization } from './authorization.ts'
import { createCatalogReader } from './catalog.ts'
import type { ApiContext, Services } from './context.ts'
import { FIRST_QUERY } from './graphiql.ts'
import { useLimits } from './limits.ts'
import { createLoaders } from './loaders.ts'
import { createErrorMask } from './masking.ts'

export const LARGEST_REQUEST_BYTES = 1_000_000

/** What a transport knows about a caller. */
export interface Caller {
  readonly authorization: string | undefined
}

export type Yoga = ReturnType<typeof createGraphqlServer>

/** The GraphQL server, the same for every transport. Browsers of other sites get no answer: there is no CORS. */
export function createGraphqlServer(schema: GraphQLSchema, services: Services) {
  const { config, log } = services
  return createYoga<Caller, ApiContext>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    // The page comes from the package, not from a CDN: it works offline.
    renderGraphiQL,
    // An EventSource cannot send the header that proves a request is no form of another site; a socket is checked by its origin.
    graphiql: config.GRAPHIQL && { title: 'Refrain', defaultQuery: FIRST_QUERY, subscriptionsProtocol: 'WS' },
    cors: false,
    multipart: false,
    batching: false,
    maxRequestBodySize: LARGEST_REQUEST_BYTES,
    maskedErrors: { maskError: createErrorMask(log) },
    // The mask logs what is unexpected, with the request's id.
    logging: false,
    context: ({ authorization }) => ({
      ...services,
      loaders: createLoaders(services.client),
      catalog: createCatalogReader(services.catalogSources),
      isAuthorized: isAuthorized(authorization, config.API_TOKEN),
    }),
    plugins: [useCSRFPrevention(), useLimits(), useAuthorization()],
  })
}
