import { defineCapability, embeddedProvider } from '../capability.ts'
import type { Structure } from './contract.ts'
import { embeddedStructure } from './embedded.ts'
import { openrouter } from './openrouter.ts'

export const structure = defineCapability<Structure>('structure', [embeddedProvider(embeddedStructure), openrouter])
