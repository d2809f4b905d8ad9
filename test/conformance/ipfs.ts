import { createServer } from 'node:http'

/** As little of an IPFS gateway as graph-node asks for before it starts; the subgraph itself comes from files. */
export async function startIpfs(port: number): Promise<{ stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    response.writeHead(request.method === 'HEAD' && request.url?.startsWith('/ipfs/') ? 412 : 404).end()
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { stop: () => new Promise((resolve) => server.close(() => resolve())) }
}
