import type { Client } from '../../worker/db/client.ts'
import type { DeploymentState } from './deployments.ts'

/** Keeps the row of a deployment telling what it is doing. */
export interface StatusWriter {
  /** Writes only what is news. */
  say(state: Exclude<DeploymentState, 'failed'>, message: string | null, headNumber?: number): Promise<void>
  /** Somebody else has written the row. */
  forget(): void
  /** @param handler and block that failed, where it was a handler */
  fail(message: string, handler: string | null, block: number | null): Promise<void>
}

export function createStatusWriter(client: Pick<Client, 'pool'>, deploymentId: string): StatusWriter {
  let last = ''
  return {
    async say(state, message, headNumber) {
      const news = JSON.stringify([state, message, headNumber])
      if (news === last) return
      await client.pool.query(
        `update indexer.deployments set state = $2, message = $3, head_number = coalesce($4, head_number), failed_handler = null,
           failed_block = null, updated_at = now() where id = $1`,
        [deploymentId, state, message, headNumber ?? null],
      )
      last = news
    },
    forget() {
      last = ''
    },
    async fail(message, handler, block) {
      last = ''
      await client.pool.query(
        `update indexer.deployments set state = 'failed', message = $2, failed_handler = $3, failed_block = $4, updated_at = now()
         where id = $1`,
        [deploymentId, message, handler, block],
      )
    },
  }
}
