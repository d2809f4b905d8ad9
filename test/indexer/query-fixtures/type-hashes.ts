import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { buildSchema, type GraphQLSchema, lexicographicSortSchema, parse, print, printSchema, visit } from 'graphql'

/**
 * One hash per type and directive of a schema, without descriptions and with everything sorted: two schemas with the same
 * hashes differ in nothing that a client can ask for.
 *
 * `node test/indexer/query-fixtures/type-hashes.ts introspected.graphql > golden.json` makes them from a schema that was
 * introspected from graph-node.
 */
export function typeHashes(schema: GraphQLSchema): Record<string, string> {
  const document = visit(parse(printSchema(lexicographicSortSchema(schema)), { noLocation: true }), {
    enter: (node) => ('description' in node ? { ...node, description: undefined } : undefined),
  })
  return Object.fromEntries(
    document.definitions.map((definition) => [
      'name' in definition && definition.name ? definition.name.value : definition.kind,
      createHash('sha256').update(print(definition)).digest('hex').slice(0, 24),
    ]),
  )
}

if (import.meta.main) {
  const text = await readFile(process.argv[2], 'utf8')
  console.log(JSON.stringify(typeHashes(buildSchema(text)), null, 2))
}
