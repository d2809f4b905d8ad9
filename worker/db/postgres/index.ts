export { type RunningPostgres, type StartPostgresOptions, startPostgres } from './start.ts'
