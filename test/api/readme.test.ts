import { readFile } from 'node:fs/promises'
import { parse, validate } from 'graphql'
import { expect, test } from 'vitest'
import { createSchema } from '../../api/schema.ts'
import { EVERYTHING } from '../../cli/own-song-on-chain.ts'
import { pipelines } from '../../worker/pipelines/index.ts'

test('the queries and subscriptions that the README gives are valid, and so is the one that the demo prints', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const documents = [...readme.matchAll(/```graphql\n([\s\S]*?)```/g)].map(([, text]) => parse(text))
  expect(documents).toHaveLength(4)
  documents.push(parse(EVERYTHING))
  for (const document of documents) expect(validate(createSchema(pipelines), document)).toEqual([])
})
