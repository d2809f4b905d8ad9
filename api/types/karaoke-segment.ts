import { resolveCursorConnection } from '@pothos/plugin-relay'
import { and, asc, desc, isNotNull, isNull, type SQL, sql } from 'drizzle-orm'
import { karaokeSegments } from '../../worker/db/tables.ts'
import { InvalidInput } from '../../worker/errors.ts'
import { connectionComplexity, connectionOf } from '../newest-first.ts'
import type { SchemaParts } from '../parts.ts'
import { type SegmentRow, segmentColumns } from '../rows.ts'

/** A part of a song that is published. */
export function defineKaraokeSegment({ builder }: SchemaParts): void {
  builder.objectType('KaraokeSegment', {
    description: 'A part of a song, 40 to 100 seconds long, published as a clip; it carries the encrypted full song.',
    fields: (t) => ({
      track: t.field({
        type: 'Track',
        nullable: true,
        description: 'The track it is cut from; null only when that is being deleted.',
        resolve: (segment, _args, { loaders }) => loaders.track(segment.trackId),
      }),
      segmentIndex: t.exposeInt('segmentIndex', { description: 'Position among the segments of its track, from 0.' }),
      startMs: t.exposeInt('startMs', { description: 'Where it begins, in milliseconds from the start of the song.' }),
      endMs: t.exposeInt('endMs', { description: 'Where it ends.' }),
      metadata: t.field({
        type: 'JSON',
        description: 'Why this part was chosen.',
        resolve: (segment) => segment.metadata,
      }),
      clip: t.field({
        type: 'Artifact',
        nullable: true,
        description: 'The public clip; null until it has been cut.',
        resolve: ({ clipCid }, _args, { loaders }) => (clipCid ? loaders.artifact(clipCid) : null),
      }),
      clipUrl: t.exposeString('clipUrl', {
        nullable: true,
        description: 'Where the clip is published; null until it is.',
      }),
      enhanced: t.field({
        type: 'Artifact',
        nullable: true,
        description: 'The enhanced full accompaniment; null until it has been made.',
        resolve: ({ enhancedCid }, _args, { loaders }) => (enhancedCid ? loaders.artifact(enhancedCid) : null),
      }),
      enhancedUrl: t.exposeString('enhancedUrl', {
        nullable: true,
        description: 'Where the enhanced accompaniment is stored; null until it is.',
      }),
      encryptedFullCid: t.exposeString('encryptedFullCid', {
        nullable: true,
        description: 'Content id of the encrypted full song; null until encrypted.',
      }),
      encryptedFullUrl: t.exposeString('encryptedFullUrl', {
        nullable: true,
        description: 'Where the encrypted full song is stored; null until it is.',
      }),
      encryptionConditions: t.field({
        type: 'JSON',
        nullable: true,
        description: 'Who may have the key, as access control conditions; null until encrypted.',
        resolve: (segment) => segment.encryptionAccs,
      }),
      encryptionManifestUrl: t.exposeString('encryptionManifestUrl', {
        nullable: true,
        description: 'Where the manifest of the encryption is stored; null until it is.',
      }),
    }),
  })

  builder.queryField('segmentsAwaitingEncryption', (t) =>
    t.connection(
      {
        type: 'KaraokeSegment',
        description:
          'Segments whose accompaniment is enhanced and whose full song is not encrypted yet, oldest track first.',
        complexity: connectionComplexity,
        resolve: (_root, args, { client }) =>
          resolveCursorConnection<Promise<SegmentRow[]>>(
            { args, defaultSize: 20, maxSize: 100, toCursor: (row) => `${row.trackId}.${row.segmentIndex}` },
            ({ before, after, limit, inverted }) => {
              const key = sql`(${karaokeSegments.trackId}, ${karaokeSegments.segmentIndex})`
              const conditions: (SQL | undefined)[] = [isNull(karaokeSegments.encryptedFullCid)]
              conditions.push(
                sql`(${isNotNull(karaokeSegments.enhancedCid)} or ${isNotNull(karaokeSegments.enhancedUrl)})`,
              )
              if (after) conditions.push(sql`${key} > ${parseCursor(after)}`)
              if (before) conditions.push(sql`${key} < ${parseCursor(before)}`)
              const direction = inverted ? desc : asc
              return client.database
                .select(segmentColumns)
                .from(karaokeSegments)
                .where(and(...conditions))
                .orderBy(direction(karaokeSegments.trackId), direction(karaokeSegments.segmentIndex))
                .limit(limit)
            },
          ),
      },
      ...connectionOf('KaraokeSegment'),
    ),
  )
}

function parseCursor(cursor: string): SQL {
  const match = /^([0-9]{1,15})\.([0-9]{1,9})$/.exec(cursor)
  if (!match)
    throw new InvalidInput(`expected a cursor from an earlier page, got ${JSON.stringify(cursor.slice(0, 50))}`)
  return sql`(${Number(match[1])}::bigint, ${Number(match[2])}::int)`
}
