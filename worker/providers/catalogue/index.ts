import { defineCapability, embeddedProvider } from '../capability.ts'
import type { Catalogue } from './contract.ts'
import { embeddedCatalogue } from './embedded.ts'
import { spotify } from './spotify.ts'

export const catalogue = defineCapability<Catalogue>('catalogue', [embeddedProvider(embeddedCatalogue), spotify])
