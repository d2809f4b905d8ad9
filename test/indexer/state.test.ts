import { expect, test } from 'vitest'
import { openProbe, WHOLE_TRANSACTION } from './probe.ts'

const A = '0x000a'
const B = '0x000b'

test.each([
  ['store.missing', [], 'the field text has no value'],
  ['store.unknown', [], 'fields that its schema does not have: colour'],
  ['store.wrongType', [], 'must be String but was set to Int'],
  ['store.enum', [A], 'must be one of RED, GREEN but was set to BLUE'],
  ['store.noType', [], 'no entity type Nothing'],
  ['store.otherId', [], 'was given the other id other'],
  ['store.everything', ['0x0'], 'odd length'],
  ['store.everything', [`0x${'00'.repeat(1_001)}`], 'at most 1000'],
])('%s breaks a rule of the schema, and nothing is written', async (command, operands, message) => {
  const probe = await openProbe()
  expect(() => probe.run(command, ...operands)).toThrow(message)
  expect([...probe.stored]).toEqual([])
})

test.each([
  ['fail.abort', ['the reason'], 'the reason'],
  ['fail.critical', ['badly'], 'critical badly'],
  ['fail.null', [], 'aborted'],
  ['fail.index', ['x'], 'aborted'],
  ['fail.deep', [], 'too deep'],
  ['fail.trap', [], 'trapped'],
])('%s ends a handler, and what it had set is dropped', async (command, operands, message) => {
  const probe = await openProbe({ transaction: WHOLE_TRANSACTION })
  expect(() => probe.run(command, ...operands)).toThrow(message)
  expect([...probe.stored]).toEqual([])
  expect(probe.run('state')).toBe('1 answer 42')
})

test('an immutable entity is set as often as its own block likes, and not by a later one', async () => {
  const probe = await openProbe()
  probe.runBlock([
    ['store.once', 'x', 'one', 'first'],
    ['store.once', 'x', 'one', 'second'],
  ])
  expect(() => probe.run('store.once', 'one', 'third')).toThrow('Once[one] exists already')
  expect(probe.stored.get('Once one')).toContain('second')
})

test('an update keeps what it does not name, and unsets what it sets to null', async () => {
  const probe = await openProbe()
  const whole = probe.subgraph.schema.entities.get('Everything')!
  const value = (id: string, name: string) =>
    probe.stored.get(`Everything ${id}`)?.[whole.fieldsByName.get(name)!.position]
  probe.run('store.everything', A, B)
  // 1 for the id, 1 for the count; 19 fields are set, and the two that may be missing are not there.
  expect(probe.run('store.partial', A, '99')).toBe('2 19')
  expect([value(A, 'count'), value(A, 'parent'), value(A, 'flag'), value(A, 'maybeText')]).toEqual([99, B, true, null])
  probe.run('store.unset', A)
  expect([value(A, 'count'), value(A, 'parent')]).toEqual([99, null])
  expect(() => probe.run('store.partial', B, '1')).toThrow('the field text has no value')
})

test('a block sees what its earlier handlers did, and only what it did itself when asked for that', async () => {
  const probe = await openProbe()
  probe.runBlock([['store.append', 'x', 'one', 'a']])
  probe.runBlock([
    ['store.inBlock', 'before', 'one'],
    ['store.append', 'x', 'one', 'b'],
    ['store.inBlock', 'after', 'one'],
    ['store.load', 'loaded', 'one'],
    ['store.remove', 'removed', 'one'],
    ['store.load', 'gone', 'one'],
    ['store.append', 'x', 'one', 'c'],
  ])
  expect(['before', 'after', 'loaded', 'removed', 'gone', 'one'].map(probe.text)).toEqual([
    'not in block',
    'ab',
    'ab',
    'removed',
    'null',
    'c',
  ])
})

test('an entity that a block leaves as it was is no change', async () => {
  const probe = await openProbe()
  const ids = (changes: readonly { id: string }[]) => changes.map(({ id }) => id).sort()
  expect(ids(probe.runBlock([['store.everything', 'x', A]]))).toEqual([A, 'x'])
  expect(ids(probe.runBlock([['store.everything', 'x', A]]))).toEqual([])
  expect(ids(probe.runBlock([['store.everything', 'x', A, B]]))).toEqual([A])
  // Made and removed within the block: never there.
  const changes = probe.runBlock([
    ['store.append', 'x', 'one', 'a'],
    ['store.remove', 'y', 'one'],
  ])
  expect(ids(changes)).toEqual(['x', 'y'])
})

test('related entities are those that refer now, in the order of their ids', async () => {
  const probe = await openProbe()
  probe.runBlock([
    ['store.everything', 'x', '0x0003', A],
    ['store.everything', 'x', '0x0001', A],
    ['store.everything', 'x', '0x0002', B],
  ])
  const changes = probe.runBlock([
    ['store.related', 'stored', A],
    ['store.everything', 'x', '0x0002', A],
    ['store.unset', 'x', '0x0003'],
    ['store.related', 'within', A],
    ['store.related', 'list', '0x0001'],
  ])
  expect(changes.length).toBeGreaterThan(0)
  expect(probe.text('stored')).toBe('0x0001,0x0003 0')
  expect(probe.text('within')).toBe('0x0001,0x0002 0')
  expect(probe.text('list')).toBe(' 1')
})
