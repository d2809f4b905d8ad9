import { defineCapability } from '../capability.ts'
import type { Enhancement } from './contract.ts'
import { embedded } from './embedded-provider.ts'
import { fal } from './fal.ts'

export const enhancement = defineCapability<Enhancement>('enhancement', [embedded, fal])
