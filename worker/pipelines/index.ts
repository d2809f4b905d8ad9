import type { Pipeline } from '../engine/define.ts'
import { artist } from './artist/index.ts'
import { track } from './track/index.ts'

/** Every pipeline there is: one line each. */
export const pipelines: readonly Pipeline[] = [track, artist]
