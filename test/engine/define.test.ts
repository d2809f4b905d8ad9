import { expect, test } from 'vitest'
import { z } from 'zod'
import { type AnyStage, definePipeline, stagesOf } from '../../worker/engine/define.ts'

const stage = stagesOf<object>('toy')
const Nothing = z.object({})
const run = async () => ({})
const list = stage({
  name: 'list',
  description: 'a list',
  output: z.object({ items: z.array(z.string()) }),
  run: async () => ({ items: [] }),
})
const define = (stages: readonly AnyStage[], milestones: string[] = []) =>
  definePipeline({ name: 'toy', description: 'a toy', stages, milestones, loadSubject: async () => ({}) })

test('a sound pipeline is taken, with pending as its first milestone', () => {
  const done = stage({ name: 'done', description: 'd', after: [list], milestone: 'finished', output: Nothing, run })
  expect(define([list, done], ['finished']).milestones).toEqual(['pending', 'finished'])
})

test('every fault of a pipeline is named at once, with what to do', () => {
  const each = stage({ name: 'each', description: 'e', each: { of: list, path: 'items' }, output: Nothing, run })
  const early = stage({
    name: 'Early',
    description: 'b',
    after: [list],
    milestone: 'nowhere',
    attempts: 0,
    timeoutSeconds: 0,
    output: Nothing,
    run,
  })
  const gate = stage({ name: 'gate', description: 'g', isGate: true, output: Nothing, run, record: async () => {} })
  const foreign = stagesOf<object>('other')({ name: 'foreign', description: 'f', output: Nothing, run })
  expect(() => define([early, list, list, each, gate, foreign], ['goal'])).toThrow(
    [
      'pipeline toy cannot run:',
      '- stage Early: a name is lower case letters, digits and underscores',
      '- stage Early stands after list, which is not listed before it: list prerequisites first',
      '- stage Early reaches milestone nowhere, known are goal',
      '- stage Early: attempts is 0, at least 1',
      '- stage Early: timeoutSeconds is 0, more than 0',
      '- stage list is listed twice: names are unique within a pipeline',
      '- stage each fans out over list, which is not among its prerequisites: add it to after',
      '- stage gate is a gate and records: let a stage after it record what the person has confirmed',
      "- stage foreign was declared for pipeline other: declare it with stagesOf('toy')",
      '- no stage reaches milestone goal: drop it or give it a stage',
    ].join('\n'),
  )
  expect(() => define([])).toThrow('it has no stages: name at least one')
})

test('a fan-out over a fan-out is refused', () => {
  const each = stage({
    name: 'each',
    description: 'e',
    after: [list],
    each: { of: list, path: 'items' },
    output: z.object({ parts: z.array(z.string()) }),
    run: async () => ({ parts: [] }),
  })
  const deeper = stage({
    name: 'deeper',
    description: 'd',
    after: [each],
    each: { of: each, path: 'parts' },
    output: Nothing,
    run,
  })
  expect(() => define([list, each, deeper])).toThrow(
    'stage deeper fans out over each, which fans out itself: join it first',
  )
})
