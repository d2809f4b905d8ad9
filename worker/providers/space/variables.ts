import { z } from 'zod'

/** A UUID, with or without dashes; read as 32 hexadecimal digits. */
export const graphIdVariable = z
  .string()
  .regex(/^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$/, 'expected a UUID, with or without dashes')
  .transform((text) => text.replaceAll('-', '').toLowerCase())
