import type { IncomingHttpHeaders } from 'node:http'
import { type ExecutionArgs, GraphQLError, getOperationAST } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { ApiContext } from './context.ts'
import { isSameSecret } from './upload-ticket.ts'

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/

/** Whether `Authorization: Bearer <token>` carries the configured token; always true when none is configured. */
export function isAuthorized(authorization: string | null | undefined, token: string | undefined): boolean {
  if (token === undefined) return true
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  return given !== undefined && isSameSecret(given, token)
}

/** Mutations are for callers with the token. */
export function useAuthorization(): Plugin<ApiContext> {
  return {
    onExecute({ args, setResultAndStopExecution }) {
      const { document, operationName, contextValue } = args as ExecutionArgs & { contextValue: ApiContext }
      if (contextValue.isAuthorized || getOperationAST(document, operationName)?.operation !== 'mutation') return
      setResultAndStopExecution({
        errors: [
          new GraphQLError('Mutations need the header `Authorization: Bearer <API_TOKEN>`.', {
            extensions: { code: 'UNAUTHORIZED', http: { status: 401, headers: { 'www-authenticate': 'Bearer' } } },
          }),
        ],
      })
    },
  }
}

/**
 * Whether a browser that sent these headers showed a page of ours. Programs send no Origin and pass. The Host is
 * checked too on loopback, where a foreign name that resolves to this machine would otherwise count as ours.
 *
 * @param publicUrl how clients reach the server
 * @param isLoopback whether the server listens on loopback only
 */
export function isOwnOrigin(headers: IncomingHttpHeaders, publicUrl: string, isLoopback: boolean): boolean {
  const own = new URL(publicUrl).host
  const host = headers.host ?? ''
  if (isLoopback && host !== own && !LOOPBACK.test(host)) return false
  if (headers.origin === undefined) return true
  const origin = URL.parse(headers.origin)?.host
  return origin === host || origin === own || (isLoopback && origin !== undefined && LOOPBACK.test(origin))
}
