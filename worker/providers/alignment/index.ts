import { defineCapability, embeddedProvider } from '../capability.ts'
import type { Alignment } from './contract.ts'
import { elevenlabs } from './elevenlabs.ts'
import { embeddedAlignment } from './embedded.ts'

export const alignment = defineCapability<Alignment>('alignment', [embeddedProvider(embeddedAlignment), elevenlabs])
