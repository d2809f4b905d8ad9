import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const checkout = join(import.meta.dirname, '../..')
const isCompilerInstalled = await readFile(join(checkout, 'contracts/node_modules/solc/package.json')).then(
  () => true,
  () => false,
)

let copy: string

beforeEach(async () => {
  copy = await mkdtemp(join(tmpdir(), 'refrain-contracts-'))
  await mkdir(join(copy, 'contracts'))
  for (const path of [
    'contracts/build.ts',
    'contracts/natspec.ts',
    'contracts/src',
    'contracts/abi',
    'biome.json',
    '.gitignore',
  ])
    await cp(join(checkout, path), join(copy, path), { recursive: true })
  await symlink(join(checkout, 'node_modules'), join(copy, 'node_modules'))
})
afterEach(async () => {
  await rm(copy, { recursive: true, force: true })
})

/** Builds the copy, so that nothing else sees a file that is being changed. */
function build(...options: string[]): Promise<{ code: number; error: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['contracts/build.ts', ...options], { cwd: copy }, (failure, _, error) =>
      resolve({ code: Number(failure?.code ?? 0), error }),
    )
  })
}
async function readAbis(): Promise<Record<string, string>> {
  const names = ['accounts', 'catalog', 'space', 'wallets']
  const texts = names.map(async (name) => [name, await readFile(join(copy, `contracts/abi/${name}.ts`), 'utf8')])
  return Object.fromEntries(await Promise.all(texts))
}
async function edit(path: string, change: (text: string) => string): Promise<void> {
  const file = join(copy, path)
  await writeFile(file, change(await readFile(file, 'utf8')))
}

// The compiler is a workspace of its own, which `npm ci` at the root does not install.
describe.skipIf(!isCompilerInstalled)('with the compiler installed', () => {
  beforeEach(async () => {
    await symlink(join(checkout, 'contracts/node_modules'), join(copy, 'contracts/node_modules'))
  })

  test('the committed interfaces and bytecodes are what the sources compile to', async () => {
    expect(await build('--check')).toEqual({ code: 0, error: '' })
  })

  test('a changed source is drift until it is built, a changed comment is none', async () => {
    await edit('contracts/src/Space.sol', (text) => text.replace('Publishes an edit.', 'Publishes one edit.'))
    await edit('contracts/src/Accounts.sol', (text) => text.replace('MAX_HANDLE_LENGTH = 30', 'MAX_HANDLE_LENGTH = 31'))
    const drift = await build('--check')
    expect(drift.code).toBe(1)
    expect(drift.error).toContain('expected contracts/abi/accounts.ts to be what contracts/src compiles to; run: ')
    const before = await readAbis()
    expect(await build()).toEqual({ code: 0, error: '' })
    const after = await readAbis()
    expect(after.accounts).not.toBe(before.accounts)
    expect({ ...after, accounts: before.accounts }).toEqual(before)
  })

  test('what the compiler warns of is an error, and so is an argument that nobody describes', async () => {
    await edit('contracts/src/Space.sol', (text) => text.replace('/// @param cid Where it is stored.\n', ''))
    const undescribed = await build('--check')
    expect(undescribed.code).toBe(1)
    expect(undescribed.error).toContain('expected NatSpec in Space.sol for EditPublished(bytes16,address,string)')
    await edit('contracts/src/Space.sol', (text) => text.replace('bytes32 key = _', 'uint256 unused; bytes32 key = _'))
    const warned = await build('--check')
    expect(warned.code).toBe(1)
    expect(warned.error).toContain('Unused local variable')
  })
})

test('without the compiler it says how to install it', async () => {
  const { code, error } = await build('--check')
  expect(code).toBe(1)
  expect(error).toContain('npm ci --prefix contracts')
})
