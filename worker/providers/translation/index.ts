import { defineCapability, embeddedProvider } from '../capability.ts'
import type { Translation } from './contract.ts'
import { embeddedTranslation } from './embedded.ts'
import { openrouter } from './openrouter.ts'

export const translation = defineCapability<Translation>('translation', [
  embeddedProvider(embeddedTranslation),
  openrouter,
])
