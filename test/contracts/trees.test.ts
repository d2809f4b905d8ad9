import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'

const trees = globSync('*.tree', { cwd: import.meta.dirname }).toSorted()
const read = (name: string) =>
  readFileSync(join(import.meta.dirname, name), 'utf8')
    .trimEnd()
    .split('\n')

test('every contract has a tree', () => {
  const contracts = globSync('*.sol', { cwd: join(import.meta.dirname, '../../contracts/src') })
  expect(trees).toEqual(contracts.map((name) => `${basename(name, '.sol').toLowerCase()}.tree`).toSorted())
})

test.each(trees)('every leaf of %s has a test of that name, and no test is without a leaf', (tree) => {
  const leaves = leavesOf(read(tree).slice(1).map(readBranch))
  const tests = leavesOf(read(tree.replace('.tree', '.test.ts')).flatMap(readTitle))
  expect(leaves.length).toBeGreaterThan(3)
  expect(tests).toEqual(leaves)
})

interface Line {
  readonly depth: number
  readonly title: string
}

function readBranch(line: string): Line {
  const [, indent, title] = /^((?:│ {3}| {4})*)[├└]── (.+)$/.exec(line) ?? []
  if (title === undefined) throw new Error(`expected a branch, got ${line}`)
  return { depth: indent.length / 4, title }
}

function readTitle(line: string): Line[] {
  const [, indent, , title] = /^( *)(?:describe|test)\((['"])(.+?)\2, /.exec(line) ?? []
  return title === undefined ? [] : [{ depth: indent.length / 2, title }]
}

/** Each line that nothing stands below, with all that it stands under. */
function leavesOf(lines: readonly Line[]): string[] {
  const above: string[] = []
  return lines.flatMap(({ depth, title }, index) => {
    above.splice(depth, above.length, title)
    return (lines[index + 1]?.depth ?? 0) > depth ? [] : [above.join(' › ')]
  })
}
