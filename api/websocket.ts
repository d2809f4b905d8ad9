import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import { type ExecutionArgs, GraphQLError } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { requestIds } from './masking.ts'
import { type Caller, LARGEST_REQUEST_BYTES, type Yoga } from './yoga.ts'

const OPERATIONS_PER_SOCKET = 100

/**
 * GraphQL over WebSocket (`graphql-transport-ws`) on `/graphql`, through the same plugins as over HTTP.
 * The token comes as the header or as `connectionParams.authorization`, for browsers cannot set the header.
 *
 * @param isAllowed whether a page with these headers may connect at all
 */
export function serveWebSocket(
  server: Server,
  yoga: Yoga,
  isAllowed: (headers: NodeJS.Dict<string | string[]>) => boolean,
): { close(): Promise<void> } {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: LARGEST_REQUEST_BYTES })
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {})
    const path = (request.url ?? '').split('?', 1)[0]
    if (path !== '/graphql' || !isAllowed(request.headers)) {
      socket.end(
        `HTTP/1.1 ${path === '/graphql' ? '403 Forbidden' : '404 Not Found'}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
      )
      return
    }
    sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit('connection', opened, request))
  })

  const disposable = useServer(
    {
      execute: (args) => requestIds.run(randomUUID(), () => envelopedOf(args).execute(args)),
      subscribe: (args) => requestIds.run(randomUUID(), () => envelopedOf(args).subscribe(args)),
      async onSubscribe(connection, _id, params) {
        if (Object.keys(connection.subscriptions).length > OPERATIONS_PER_SOCKET) {
          return [new GraphQLError(`At most ${OPERATIONS_PER_SOCKET} operations at once on one socket.`)]
        }
        const given = connection.connectionParams?.authorization
        const caller: Caller = {
          authorization: typeof given === 'string' ? given : connection.extra.request.headers.authorization,
        }
        const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({ ...caller, params })
        try {
          const document = parse(params.query)
          const errors = validate(schema, document)
          if (errors.length > 0) return errors
          const contextValue = await contextFactory()
          const { operationName, variables: variableValues } = params
          return { schema, document, operationName, variableValues, contextValue, rootValue: { execute, subscribe } }
        } catch (error) {
          if (error instanceof GraphQLError) return [error]
          throw error
        }
      },
    },
    sockets,
  )
  return {
    async close() {
      await disposable.dispose()
    },
  }
}

/** The server's own functions travel with the arguments: graphql-ws hands over nothing else. */
function envelopedOf({ rootValue }: ExecutionArgs): Pick<ReturnType<Yoga['getEnveloped']>, 'execute' | 'subscribe'> {
  return rootValue as ReturnType<Yoga['getEnveloped']>
}
