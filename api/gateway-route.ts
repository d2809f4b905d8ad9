import { access } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Config } from '../worker/config.ts'
import type { Client } from '../worker/db/client.ts'
import { sha256Of } from '../worker/providers/storage/cid.ts'
import { placeIn } from '../worker/providers/storage/embedded.ts'
import { sendFile } from './artifact-route.ts'
import { HttpProblem } from './http-problem.ts'

/** What stays comes first: it is where a file is looked for. */
const FOLDERS = ['archive', 'storage']

/** `GET` and `HEAD /ipfs/:cid`: what lies in the embedded archive or storage, by its content id, as an IPFS gateway serves it. */
export async function sendStored(
  services: { readonly client: Client; readonly config: Pick<Config, 'REFRAIN_DATA_DIR'> },
  request: IncomingMessage,
  response: ServerResponse,
  cid: string,
): Promise<void> {
  // Published for players of any site.
  response.setHeader('access-control-allow-origin', '*')
  response.setHeader('access-control-expose-headers', 'accept-ranges, content-length, content-range, etag')
  if (request.method === 'OPTIONS') {
    response.writeHead(204, {
      'access-control-allow-methods': 'GET, HEAD',
      'access-control-allow-headers': 'range',
      'access-control-max-age': '86400',
    })
    return void response.end()
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    throw new HttpProblem(405, 'a file takes GET and HEAD', { allow: 'GET, HEAD, OPTIONS' })
  }
  const sha256 = sha256Of(cid)
  if (sha256 === null) throw new HttpProblem(400, 'expected the content id of one raw block, such as bafkrei…')
  const path = await firstThere(
    FOLDERS.map((folder) => placeIn(join(services.config.REFRAIN_DATA_DIR, folder), sha256)),
  )
  if (path === null) throw new HttpProblem(404, `there is no file ${cid}`)
  const { rows } = await services.client.pool.query<{ content_type: string }>(
    'select content_type from artifacts where sha256 = $1',
    [sha256],
  )
  const contentType = rows[0]?.content_type ?? 'application/octet-stream'
  await sendFile(request, response, { path, sha256, name: cid, contentType })
}

async function firstThere(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  return null
}
