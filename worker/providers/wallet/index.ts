import { defineCapability } from '../capability.ts'
import type { Wallets } from './contract.ts'
import { embedded } from './embedded.ts'
import { lit } from './lit.ts'

export const wallet = defineCapability<Wallets>('wallet', [embedded, lit])
