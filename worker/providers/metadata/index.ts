import { defineSources } from '../capability.ts'
import type { MetadataSource } from './contract.ts'
import { genius } from './genius.ts'
import { iswc } from './iswc.ts'
import { musicbrainz } from './musicbrainz.ts'
import { quansic } from './quansic.ts'
import { spotify } from './spotify.ts'
import { wikidata } from './wikidata.ts'

export const metadata = defineSources<MetadataSource>('metadata', [
  spotify,
  musicbrainz,
  iswc,
  wikidata,
  genius,
  quansic,
])
