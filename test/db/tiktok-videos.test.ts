import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, openClient } from '../../worker/db/client.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let client: Client
beforeAll(async () => {
  database = await createTestDatabase()
  client = openClient(database.url)
})
afterAll(async () => {
  await client?.close()
  await database?.drop()
})

const insert = (row: Record<string, unknown>) => {
  const names = Object.keys(row)
  const places = names.map((_, at) => `$${at + 1}`)
  return client.pool.query(`insert into tiktok_videos (${names}) values (${places}) returning *`, Object.values(row))
}

test('a video keeps who made it, where it is stored, and which song TikTok says it has', async () => {
  const given = {
    video_id: '7123456789012345678',
    creator_username: "o'neil_🎤",
    grove_video_cid: 'abc',
    grove_video_url: 'https://api.grove.storage/abc',
    tt2dsp: { song: { id: '1' } },
    spotify_track_id: '5cfGEW8XBdZ2WJ2ZNRUPPj',
    spotify_track_id_source: 'tt2dsp',
  }
  const { rows } = await insert(given)
  expect(rows[0]).toMatchObject({ ...given, created_at: expect.any(Date) })
})

test('a Spotify id without its origin, an id that is none, and the same video again are refused', async () => {
  const video = { video_id: '1', creator_username: 'somebody' }
  await expect(insert({ ...video, spotify_track_id: 'x' })).rejects.toThrow(/check constraint/)
  await expect(insert({ ...video, video_id: 'drop table' })).rejects.toThrow(/check constraint/)
  await expect(insert({ ...video, spotify_track_id: 'x', spotify_track_id_source: 'a guess' })).rejects.toThrow(
    /check constraint/,
  )
  await insert(video)
  await expect(insert(video)).rejects.toThrow(/duplicate key/)
})
