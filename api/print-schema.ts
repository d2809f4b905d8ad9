import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { printSchema } from 'graphql'
import { pipelines } from '../worker/pipelines/index.ts'
import { createSchema } from './schema.ts'

const FILE = new URL('../schema.graphql', import.meta.url)

/** The schema as text, the same for the same pipelines. */
export function printApi(): string {
  return `${printSchema(createSchema(pipelines))}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(FILE, printApi())
