export { EMBEDDED_CHAIN_ID } from './launch.ts'
export { type RunningAnvil, type StartAnvilOptions, startAnvil } from './start.ts'
