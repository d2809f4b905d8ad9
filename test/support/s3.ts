import { mkdtemp, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface S3rver {
  run(): Promise<AddressInfo>
  close(): Promise<void>
  readonly httpServer: Server
}
const S3rver: new (options: Readonly<Record<string, unknown>>) => S3rver = createRequire(import.meta.url)('s3rver')

/** An S3 server of its own on loopback, with one bucket that anybody may read. */
export async function startS3() {
  const directory = await mkdtemp(join(tmpdir(), 'refrain-s3-'))
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: 'songs' }],
  })
  const { port } = await server.run()
  return {
    environment: {
      AWS_S3_ENDPOINT: `http://127.0.0.1:${port}`,
      AWS_S3_BUCKET: 'songs',
      AWS_ACCESS_KEY_ID: 'S3RVER',
      AWS_SECRET_ACCESS_KEY: 'S3RVER',
    },
    async close(): Promise<void> {
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
