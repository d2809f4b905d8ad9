import { defineCapability } from '../capability.ts'
import type { Space } from './contract.ts'
import { embedded } from './embedded.ts'
import { geo } from './geo.ts'

export const space = defineCapability<Space>('space', [embedded, geo])
