import { copyFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { lyrics, type TrackSource, tracks } from '../../worker/db/tables.ts'
import { artist } from '../../worker/pipelines/artist/index.ts'
import { track } from '../../worker/pipelines/track/index.ts'
import { openProviders } from '../../worker/providers/index.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

export interface TaskRow {
  readonly id: number
  readonly subject_id: number
  readonly stage: string
  readonly item: string
  readonly status: string
  readonly attempts: number
  readonly runs: number
  readonly output: unknown
  readonly error_message: string | null
  readonly error_details: { readonly kind?: string; readonly retryable?: boolean } | null
  readonly reason: string | null
  readonly settled_at: Date | null
}

export interface TrackEngine extends TestEngine {
  /** Puts a file into the store as a finished upload does, and gives the source of a track that has it. */
  upload(path: string, name: string): Promise<TrackSource>
  submit(track: {
    source: TrackSource | null
    title?: string
    artists?: readonly string[]
    lyrics?: string
    language?: string
    style?: Record<string, unknown>
  }): Promise<number>
  /** All tasks of the work on a track's audio by `stage`, or `stage item` where a stage has several. */
  tasksOf(trackId: number): Promise<Readonly<Record<string, TaskRow>>>
  /** Writes every change of a track's stage into the table `stage_moves`. */
  watchStages(): Promise<void>
  /** Files that should be gone when nothing runs: half-received ones and those of private workspaces. */
  leftFiles(): Promise<string[]>
}

/** The whole track pipeline, with the embedded providers unless others are given, over a database and a store of its own. */
export async function createTrackEngine(
  environment: Record<string, string> = {},
  providers = openProviders({}),
): Promise<TrackEngine> {
  const engine = await createTestEngine([artist, track], { providers, environment })
  const { client, artifacts, folder } = engine
  return {
    ...engine,
    async upload(path, name) {
      const copy = await artifacts.temporaryPath()
      await copyFile(path, copy)
      const { sha256, sizeBytes } = await artifacts.keep(copy)
      await engine.query(
        `insert into artifacts (sha256, size_bytes, content_type) values ($1, $2, 'application/octet-stream')
         on conflict do nothing`,
        [sha256, sizeBytes],
      )
      return { kind: 'upload', sha256, name }
    },
    async submit({ source, title = 'A song', artists = ['Somebody'], lyrics: raw, language = 'en', style = {} }) {
      return await client.database.transaction(async (transaction) => {
        const [row] = await transaction
          .insert(tracks)
          .values({
            title,
            artists: artists.map((name) => ({ name })),
            language,
            sourceType: source?.kind ?? 'manual_spotify',
            source,
            style,
          })
          .returning({ id: tracks.id })
        if (raw !== undefined) await transaction.insert(lyrics).values({ trackId: row.id, raw, source: 'submitted' })
        return row.id
      })
    },
    async tasksOf(trackId) {
      const rows = await engine.query<TaskRow>(
        "select * from tasks where pipeline = 'track' and subject_id = $1 order by id",
        [trackId],
      )
      return Object.fromEntries(rows.map((row) => [row.item ? `${row.stage} ${row.item}` : row.stage, row]))
    },
    async watchStages() {
      await engine.query(`create table stage_moves (id bigint generated always as identity, was text, became text);
      create function note_stage() returns trigger language plpgsql as $$
        begin insert into stage_moves (was, became) values (old.stage, new.stage); return null; end $$;
      create trigger note_stage after update of stage on tracks for each row execute function note_stage()`)
    },
    async leftFiles() {
      const incoming = await readdir(join(folder, 'artifacts', 'incoming')).catch(() => [])
      const workers = await readdir(join(folder, 'work')).catch(() => [])
      const workspaces = await Promise.all(workers.map((worker) => readdir(join(folder, 'work', worker))))
      return [...incoming, ...workspaces.flat()]
    },
  }
}

/** `stage status` of every task of a track. */
export function statuses(tasks: Readonly<Record<string, TaskRow>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(tasks).map(([name, task]) => [name, task.status]))
}

/** All tasks but these. */
export function without(all: Readonly<Record<string, TaskRow>>, names: readonly string[]) {
  return Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)))
}
