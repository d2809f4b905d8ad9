import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { Blocked } from '../../errors.ts'
import type { Home } from './home.ts'

/** The port of the last start; undefined before the first. */
export async function readPort(home: Home): Promise<number | undefined> {
  const port = Number((await readFile(home.portFile, 'utf8').catch(() => '')).trim())
  return Number.isInteger(port) && port > 0 && port < 65536 ? port : undefined
}

export async function keepPort(home: Home, port: number): Promise<void> {
  await writeFile(home.portFile, `${port}\n`)
}

/** A port on 127.0.0.1 that is free now; somebody else may take it before it is used. */
export async function findFreePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', resolve)
  })
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (!address || typeof address === 'string') throw new Blocked('The system gave no free port on 127.0.0.1.')
  return address.port
}

/** Whether nobody listens on a port of 127.0.0.1 at this moment. */
export function isFreePort(port: number): Promise<boolean> {
  const probe = createServer()
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
