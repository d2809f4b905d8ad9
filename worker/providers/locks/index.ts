import { defineCapability } from '../capability.ts'
import type { Locks } from './contract.ts'
import { embedded } from './embedded.ts'

export const locks = defineCapability<Locks>('locks', [embedded])
