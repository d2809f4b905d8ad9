import { defineCapability } from '../capability.ts'
import type { Accounts } from './contract.ts'
import { embedded } from './embedded.ts'
import { lens } from './lens.ts'

export const accounts = defineCapability<Accounts>('accounts', [embedded, lens])
