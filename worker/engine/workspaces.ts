import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'

/** Removes the private folders of workers that ended. */
export async function removeWorkspaces(workRoot: string, workerIds: readonly string[]): Promise<void> {
  await Promise.all(
    workerIds.map((id) =>
      rm(join(workRoot, id), { recursive: true, force: true, maxRetries: 3, retryDelay: 50 }).catch(() => {}),
    ),
  )
}

/** Removes what workers that no longer exist have left: on a machine that lost power. */
export async function removeForgottenWorkspaces(pool: pg.Pool, workRoot: string): Promise<void> {
  const folders = await readdir(workRoot).catch(() => [])
  const { rows } = await pool.query<{ id: string }>('select id from workers')
  const alive = new Set(rows.map((row) => row.id))
  await removeWorkspaces(
    workRoot,
    folders.filter((folder) => !alive.has(folder)),
  )
}
