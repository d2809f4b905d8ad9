import { defineCapability } from '../capability.ts'
import type { Storage } from '../storage/contract.ts'
import { embeddedArchive } from '../storage/embedded.ts'
import { grove } from '../storage/grove.ts'
import { loadNetwork } from '../storage/load-network.ts'
import { s3 } from '../storage/s3.ts'

/** Where deliverables stay for good, beside the storage of what is on its way. */
export const archive = defineCapability<Storage>('archive', [embeddedArchive, loadNetwork, grove, s3])
