export { type RunningAnvil, type StartAnvilOptions, startAnvil } from './start.ts'
