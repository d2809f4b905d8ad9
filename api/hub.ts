import type pg from 'pg'
import type { Client } from '../worker/db/client.ts'
import type { Pipeline } from '../worker/engine/define.ts'
import { InvalidInput, NotFound } from '../worker/errors.ts'
import type { Log } from '../worker/log.ts'
import type { StageBacklogRow } from './backlog.ts'
import { watchBacklog } from './backlog-feed.ts'
import { EVENT_COLUMNS, type SubjectEvent } from './hub-event.ts'
import { listen } from './listener.ts'
import { stoppable } from './stoppable.ts'

/** Recent events kept per watched subject; who is further behind reads the table. */
const RING_EVENTS = 1_024
const PAGE_EVENTS = 500
/** How long a lost notification can delay an event. */
const SAFETY_INTERVAL_MS = 1_500

export interface Hub {
  /**
   * What happens to a subject. Without `after`, the present state comes first; with it, everything after that position.
   * Nothing is left out and nothing comes twice. Ends when the subject is deleted, or the hub closes.
   *
   * @throws NotFound when there is no such subject; InvalidInput when `after` lies in the future
   */
  events(pipeline: string, subjectId: number, after: number | null): Promise<AsyncIterableIterator<SubjectEvent>>
  /** What waits at every stage: now, and whenever the counts change. */
  backlog(): AsyncIterableIterator<readonly StageBacklogRow[]>
  /** Subscribers at this moment. */
  readonly subscribers: number
  close(): Promise<void>
}

/** A watched subject: its newest events, and a wake-up that all its readers share. Readers have a cursor and no queue. */
interface Topic {
  readonly pipeline: string
  readonly subjectId: number
  readonly ring: SubjectEvent[]
  /** Position of the newest event read. */
  head: number
  isDirty: boolean
  isReading: boolean
  isGone: boolean
  readers: number
  wake: PromiseWithResolvers<void>
  readonly opened: Promise<void>
}

/** Reads what notifications announce, once for however many subscribers. */
export function openHub(options: { client: Client; pipelines: readonly Pipeline[]; log: Log }): Hub {
  const { client, log } = options
  const { pool } = client
  const topics = new Map<string, Topic>()
  let isClosed = false

  const touch = (topic: Topic) => {
    topic.isDirty = true
    if (!topic.isReading) void read(topic)
  }
  const wakeAll = (topic: Topic) => {
    const { resolve } = topic.wake
    topic.wake = Promise.withResolvers()
    resolve()
  }

  async function read(topic: Topic): Promise<void> {
    topic.isReading = true
    try {
      await topic.opened
      while (topic.isDirty && !topic.isGone) {
        topic.isDirty = false
        const events = await readEvents(pool, topic, topic.head)
        if (events.length === 0) continue
        topic.isDirty ||= events.length === PAGE_EVENTS
        topic.ring.push(...events)
        topic.head = events[events.length - 1].seq
        if (topic.ring.length > 2 * RING_EVENTS) topic.ring.splice(0, topic.ring.length - RING_EVENTS)
        wakeAll(topic)
      }
    } catch (error) {
      // The safety interval reads again.
      log.warn('events could not be read', { pipeline: topic.pipeline, subjectId: topic.subjectId, error })
    } finally {
      topic.isReading = false
    }
  }

  function openTopic(key: string, pipeline: string, subjectId: number): Topic {
    const known = topics.get(key)
    if (known) return known
    const topic: Topic = {
      pipeline,
      subjectId,
      ring: [],
      head: 0,
      isDirty: false,
      isReading: false,
      isGone: false,
      readers: 0,
      wake: Promise.withResolvers(),
      opened: readHead(pool, pipeline, subjectId).then((head) => {
        if (head === null) throw new NotFound(`there is no ${pipeline} ${subjectId}`)
        topic.head = head
      }),
    }
    topic.opened.catch(() => {})
    topics.set(key, topic)
    return topic
  }

  async function* follow(topic: Topic, after: number | null, isStopped: () => boolean): AsyncGenerator<SubjectEvent> {
    let cursor = after ?? -1
    while (!isStopped()) {
      const { promise } = topic.wake
      if (cursor < 0) {
        const present = await readPresentState(pool, topic)
        if (present === null) return
        cursor = present.seq
        yield present
      } else if (cursor < topic.head) {
        const isKept = topic.ring.length > 0 && topic.ring[0].seq <= cursor + 1
        const events = isKept
          ? topic.ring.slice(cursor + 1 - topic.ring[0].seq, cursor + 1 - topic.ring[0].seq + PAGE_EVENTS)
          : await readEvents(pool, topic, cursor)
        // History that has been thrown away cannot be told: the present state stands for it.
        if (events[0]?.seq !== cursor + 1) cursor = -1
        for (const event of cursor < 0 ? [] : events) {
          if (isStopped()) return
          cursor = event.seq
          yield event
        }
      } else {
        if (topic.isGone) return
        await promise
      }
    }
  }

  async function assertReached(topic: Topic, after: number): Promise<void> {
    const newest = (await readHead(pool, topic.pipeline, topic.subjectId)) ?? 0
    if (after > newest) {
      throw new InvalidInput(`after: expected a position up to ${newest}, got ${after}`, {
        details: { field: 'after' },
      })
    }
    touch(topic)
  }

  async function checkWatched(): Promise<void> {
    if (topics.size === 0) return
    const watched = [...topics.values()]
    const { rows } = await pool.query<{ seq: number | null }>(
      `select s.event_seq as seq from unnest($1::text[], $2::bigint[]) with ordinality w(pipeline, id, n)
       left join subjects s on s.pipeline = w.pipeline and s.id = w.id order by w.n`,
      [watched.map((topic) => topic.pipeline), watched.map((topic) => topic.subjectId)],
    )
    for (const [index, topic] of watched.entries()) {
      const { seq } = rows[index]
      if (seq === null) {
        topic.isGone = true
        wakeAll(topic)
      } else if (seq > topic.head) touch(topic)
    }
  }

  const backlogFeed = watchBacklog(pool, options.pipelines, log)
  const touchAll = () => {
    for (const topic of topics.values()) touch(topic)
    backlogFeed.touch()
  }
  const listener = listen(client.url, 'task_events', {
    log,
    onListening: touchAll,
    onNotification(payload) {
      if (payload === '*') return touchAll()
      for (const key of payload.split(',')) {
        const topic = topics.get(key)
        if (topic) touch(topic)
      }
      backlogFeed.touch()
    },
  })
  const timer = setInterval(() => {
    checkWatched().catch((error) => log.warn('watched subjects could not be checked', { error }))
    backlogFeed.touch()
  }, SAFETY_INTERVAL_MS)

  return {
    async events(pipeline, subjectId, after) {
      const key = `${pipeline}:${subjectId}`
      const topic = openTopic(key, pipeline, subjectId)
      let isStopped = false
      topic.readers++
      const stop = () => {
        if (isStopped) return
        isStopped = true
        // Everybody looks; only who has stopped leaves. Racing a stop signal instead would leak with every event.
        wakeAll(topic)
        if (--topic.readers === 0 && topics.get(key) === topic) topics.delete(key)
      }
      try {
        await topic.opened
        if (after !== null && after > topic.head) await assertReached(topic, after)
      } catch (error) {
        stop()
        throw error
      }
      return stoppable(
        follow(topic, after, () => isStopped || isClosed),
        stop,
      )
    },
    backlog: () => backlogFeed.subscribe(),
    get subscribers() {
      return [...topics.values()].reduce((sum, topic) => sum + topic.readers, backlogFeed.readers)
    },
    async close() {
      isClosed = true
      clearInterval(timer)
      for (const topic of topics.values()) wakeAll(topic)
      backlogFeed.close()
      await listener.close()
    },
  }
}

async function readHead(pool: pg.Pool, pipeline: string, subjectId: number): Promise<number | null> {
  const { rows } = await pool.query<{ seq: number }>(
    'select event_seq as seq from subjects where pipeline = $1 and id = $2',
    [pipeline, subjectId],
  )
  return rows[0]?.seq ?? null
}

async function readEvents(pool: pg.Pool, topic: Topic, after: number): Promise<SubjectEvent[]> {
  const { rows } = await pool.query<SubjectEvent>(
    `select ${EVENT_COLUMNS} from task_events where pipeline = $1 and subject_id = $2 and seq > $3 order by seq limit ${PAGE_EVENTS}`,
    [topic.pipeline, topic.subjectId, after],
  )
  return rows
}

async function readPresentState(pool: pg.Pool, topic: Topic): Promise<SubjectEvent | null> {
  const { rows } = await pool.query<SubjectEvent>(
    `select pipeline, id as "subjectId", event_seq as seq, true as "isPresentState", null as "taskId", null as stage,
       null as item, null as status, null as attempts, null as progress, milestone, clock_timestamp() as at
     from subjects where pipeline = $1 and id = $2`,
    [topic.pipeline, topic.subjectId],
  )
  return rows[0] ?? null
}
