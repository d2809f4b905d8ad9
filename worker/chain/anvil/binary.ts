import { constants } from 'node:fs'
import { access, chmod } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { Blocked } from '../../errors.ts'

const REMEDY = 'or set CHAIN_RPC_URL to a node of your own, or to `off` to work without a chain.'

/**
 * The anvil that npm installed for this platform.
 *
 * @throws Blocked when there is none, with what to do
 */
export async function findAnvil(
  platform: string = process.platform,
  architecture: string = process.arch,
): Promise<string> {
  const name = `@foundry-rs/anvil-${platform}-${architecture === 'x64' ? 'amd64' : architecture}`
  const path = resolvePackage(name)
  try {
    await access(path, constants.X_OK)
  } catch {
    // Some installers leave the run bit out.
    await chmod(path, 0o755).catch((cause) => {
      throw new Blocked(`${path} may not be run. Give it the x permission, ${REMEDY}`, { cause })
    })
  }
  return path
}

function resolvePackage(name: string): string {
  try {
    return createRequire(import.meta.url).resolve(`${name}/bin/anvil`)
  } catch (cause) {
    throw new Blocked(
      `No chain comes with Refrain for this platform: the package ${name} is not installed. Run npm install without ` +
        `--omit=optional, ${REMEDY}`,
      { cause },
    )
  }
}
