import { defineCapability, embeddedProvider } from '../capability.ts'
import type { Separation } from './contract.ts'
import { demucs } from './demucs.ts'
import { embeddedSeparation } from './embedded.ts'

export const separation = defineCapability<Separation>('separation', [embeddedProvider(embeddedSeparation), demucs])
