import { openChains } from '../../worker/chain/open.ts'
import { openClient } from '../../worker/db/client.ts'
import { createLog } from '../../worker/log.ts'
import { accountOrder } from './orders.ts'

/** Sends account orders all at once from a process of its own, which may be killed. */
const { databaseUrl, rpcUrl, handles } = JSON.parse(process.argv[2])
const client = openClient(databaseUrl)
const chains = openChains({ config: { CHAIN_RPC_URL: rpcUrl }, client, log: createLog('silent') })
if (!chains) throw new Error('expected chains')
const { signal } = new AbortController()
await Promise.all(
  handles.map(async (handle: string) => {
    const { transactionHash } = await chains.clips.send(accountOrder(handle), { signal })
    console.log(transactionHash)
  }),
)
await client.close()
