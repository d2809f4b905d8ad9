import { defineCapability, embeddedProvider } from '../capability.ts'
import type { Normalization } from './contract.ts'
import { embeddedNormalization } from './embedded.ts'
import { openrouter } from './openrouter.ts'

export const normalization = defineCapability<Normalization>('normalization', [
  embeddedProvider(embeddedNormalization),
  openrouter,
])
