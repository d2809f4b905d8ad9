import type pg from 'pg'
import { CURRENT, qualifiedTable } from './layout.ts'
import { selectText } from './read-rows.ts'
import type { EntitySchema, EntityType } from './schema.ts'
import type { Place } from './write-batch.ts'

/**
 * Takes back everything after a block: versions made later go, versions that ended later hold again. In the caller's transaction.
 *
 * @param block last block that stays
 * @returns the entities that are not as they were
 */
export async function revertEntities(
  connection: pg.PoolClient,
  { schema, deploymentId }: Place,
  entities: EntitySchema,
  block: number,
): Promise<{ type: EntityType; id: string }[]> {
  const touched: { type: EntityType; id: string }[] = []
  for (const type of entities.entities.values()) {
    const table = qualifiedTable(schema, type)
    const id = `${selectText(type.id)} as id`
    // Later versions go first: an id has one version that holds now.
    const deleted = await connection.query<{ id: string }>(
      `delete from ${table} where valid_from > $1 returning ${id}`,
      [block],
    )
    const opened = await connection.query<{ id: string }>(
      `update ${table} set valid_to = ${CURRENT} where valid_to > $1 and valid_to < ${CURRENT} returning ${id}`,
      [block],
    )
    for (const row of [...deleted.rows, ...opened.rows]) {
      touched.push({ type, id: type.id.scalar === 'Bytes' ? `0x${row.id}` : row.id })
    }
  }
  await connection.query('delete from indexer.blocks where deployment_id = $1 and number > $2', [deploymentId, block])
  await connection.query('delete from indexer.sources where deployment_id = $1 and created_at_block > $2', [
    deploymentId,
    block,
  ])
  return touched
}

/** Forgets versions that ended by a block, and hashes of blocks before `hashesFrom`. In the caller's transaction. */
export async function pruneHistory(
  connection: pg.PoolClient,
  { schema, deploymentId }: Place,
  entities: EntitySchema,
  earliestBlock: number,
): Promise<void> {
  for (const type of entities.entities.values()) {
    if (type.isImmutable) continue
    await connection.query(`delete from ${qualifiedTable(schema, type)} where valid_to <= $1`, [earliestBlock])
  }
  await connection.query('update indexer.deployments set earliest_block = greatest(earliest_block, $2) where id = $1', [
    deploymentId,
    earliestBlock,
  ])
}
