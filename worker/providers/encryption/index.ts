import { defineCapability } from '../capability.ts'
import type { Encryption } from './contract.ts'
import { embedded } from './embedded.ts'
import { litChipotle } from './lit-chipotle.ts'

export const encryption = defineCapability<Encryption>('encryption', [embedded, litChipotle])
