import { defineCapability } from '../capability.ts'
import type { Storage } from './contract.ts'
import { embedded } from './embedded.ts'
import { grove } from './grove.ts'
import { loadNetwork } from './load-network.ts'
import { s3 } from './s3.ts'

export const storage = defineCapability<Storage>('storage', [embedded, grove, loadNetwork, s3])
