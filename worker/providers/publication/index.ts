import { defineCapability } from '../capability.ts'
import type { Publication } from './contract.ts'
import { embedded } from './embedded.ts'

export const publication = defineCapability<Publication>('publication', [embedded])
