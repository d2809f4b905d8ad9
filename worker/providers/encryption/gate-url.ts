import { z } from 'zod'
import { Blocked } from '../../errors.ts'

/** Where the API is reached, from the same variables that it reads itself. */
export const gateVariables = {
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({ description: 'how clients reach the API' }),
  HOST: z.string().default('127.0.0.1').meta({ description: 'address the API listens on' }),
  PORT: z.coerce.number().int().min(0).max(65_535).default(4000).meta({ description: 'port the API listens on' }),
}

/** The key gate of an API, without a slash at the end. */
export function gateUrlOf(apiUrl: string): string {
  return `${apiUrl.replace(/\/+$/, '')}/keys`
}

/**
 * The key gate's address, which every manifest carries.
 *
 * @throws Blocked when it cannot be known
 */
export function configuredGateUrl(settings: {
  readonly PUBLIC_URL?: string | undefined
  readonly HOST: string
  readonly PORT: number
}): string {
  if (settings.PUBLIC_URL) return gateUrlOf(settings.PUBLIC_URL)
  if (settings.PORT === 0) {
    throw new Blocked('manifests must say where the key gate is, and PORT=0 takes any port: set PUBLIC_URL')
  }
  const host = ['0.0.0.0', '::'].includes(settings.HOST) ? 'localhost' : settings.HOST
  return gateUrlOf(`http://${host.includes(':') ? `[${host}]` : host}:${settings.PORT}`)
}
