import { openSubgraphs } from '../worker/catalog/subgraphs.ts'
import { openChains } from '../worker/chain/open.ts'
import { openClient } from '../worker/db/client.ts'
import { migrate } from '../worker/db/migrate.ts'
import { openArtifactStore } from '../worker/engine/artifacts.ts'
import { pipelines } from '../worker/pipelines/index.ts'
import { artifactsFolder, requireDatabaseUrl, runProcess } from '../worker/process.ts'
import { openProviders } from '../worker/providers/index.ts'
import { openVault } from '../worker/vault/open.ts'
import { loadSecretKey } from '../worker/vault/secret-key.ts'
import { startApi } from './server.ts'

/** The API process: serves until it is told to stop. */
await runProcess('api', async (config, log) => {
  const url = requireDatabaseUrl(config)
  await migrate(url)
  const client = openClient(url, { name: 'refrain api' })
  const chains = openChains({ config, client, log })
  const vault = openVault({
    client,
    secretKey: await loadSecretKey(config.REFRAIN_SECRET_KEY, config.REFRAIN_DATA_DIR),
  })
  const providers = openProviders(config.environment, {
    ...(chains ? { chains: () => chains } : {}),
    vault: () => vault,
  })
  const catalogSources = openSubgraphs(config)
  const api = await startApi({
    config,
    client,
    pipelines,
    artifacts: openArtifactStore(artifactsFolder(config)),
    log,
    catalogue: providers.catalogue,
    ...(catalogSources ? { catalogSources } : {}),
    ...(chains ? { chains, vault, encryption: providers.encryption } : {}),
  })
  return {
    url: api.url,
    async stop() {
      await api.close()
      await client.close()
    },
  }
})
