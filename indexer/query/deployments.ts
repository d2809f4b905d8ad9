import {
  DEPLOYMENT_COLUMNS,
  type Deployment,
  type Queryable,
  readDeployment,
  toDeployment,
} from '../store/deployments.ts'

/** How a query names what it asks: by the name it is published under, or by the id of one build of it. */
export type Target = { readonly kind: 'name' | 'id'; readonly value: string }

/**
 * The deployment that a query names, or null.
 *
 * @param names those that are served; all when left out
 */
export async function findDeployment(
  connection: Queryable,
  target: Target,
  names?: readonly string[],
): Promise<Deployment | null> {
  const found =
    target.kind === 'name' ? await readDeployment(connection, target.value) : await readById(connection, target.value)
  return found && (names?.includes(found.name) ?? true) ? found : null
}

async function readById(connection: Queryable, id: string): Promise<Deployment | null> {
  const { rows } = await connection.query(
    `select ${DEPLOYMENT_COLUMNS} from indexer.deployments where id = $1 and is_current`,
    [id],
  )
  return rows.length === 1 ? toDeployment(rows[0]) : null
}

/** How one deployment is doing, for people and for programs that watch it. */
export interface DeploymentStatus {
  readonly name: string
  readonly id: string
  readonly chainId: number
  readonly network: string
  readonly state: Deployment['state']
  /** Why it waits or has failed; null otherwise. */
  readonly message: string | null
  readonly failedHandler: string | null
  readonly failedBlock: number | null
  readonly block: { readonly number: number; readonly hash: string; readonly timestamp: number } | null
  readonly earliestBlock: number
  readonly headNumber: number | null
  /** Blocks between what is indexed and the head; null while either is unknown. */
  readonly blocksBehind: number | null
  readonly updatedAt: string
}

/** Every deployment that is served, by name. */
export async function readStatuses(connection: Queryable, names?: readonly string[]): Promise<DeploymentStatus[]> {
  const { rows } = await connection.query(
    `select ${DEPLOYMENT_COLUMNS} from indexer.deployments where is_current order by name`,
  )
  return rows
    .map(toDeployment)
    .filter(({ name }) => names?.includes(name) ?? true)
    .map((deployment) => ({
      name: deployment.name,
      id: deployment.id,
      chainId: deployment.chainId,
      network: deployment.network,
      state: deployment.state,
      message: deployment.message,
      failedHandler: deployment.failedHandler,
      failedBlock: deployment.failedBlock,
      block: deployment.block && {
        number: deployment.block.number,
        hash: deployment.block.hash,
        timestamp: deployment.block.timestamp,
      },
      earliestBlock: deployment.earliestBlock,
      headNumber: deployment.headNumber,
      blocksBehind:
        deployment.block && deployment.headNumber !== null
          ? Math.max(0, deployment.headNumber - deployment.block.number)
          : null,
      updatedAt: deployment.updatedAt.toISOString(),
    }))
}
