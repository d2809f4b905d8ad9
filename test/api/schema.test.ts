import { readFile } from 'node:fs/promises'
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
} from 'graphql'
import { expect, test } from 'vitest'
import { printApi } from '../../api/print-schema.ts'
import { createSchema } from '../../api/schema.ts'
import { pipelines } from '../../worker/pipelines/index.ts'

const schema = createSchema(pipelines)

test('the printed schema is the committed one', async () => {
  expect(printApi()).toBe(printApi())
  // Run `node api/print-schema.ts` and read the difference as a user would.
  expect(await readFile(new URL('../../schema.graphql', import.meta.url), 'utf8')).toBe(printApi())
})

test('every stage of every pipeline has a mutation, every gate an approval, every subject a subscription', () => {
  const mutations = Object.keys(schema.getMutationType()?.getFields() ?? {})
  const subscriptions = Object.keys(schema.getSubscriptionType()?.getFields() ?? {})
  const pascal = (name: string) => name.replace(/(^|_)(.)/g, (_all, _gap, letter: string) => letter.toUpperCase())
  for (const pipeline of pipelines) {
    for (const stage of pipeline.stages) {
      expect(mutations).toContain(`run${pascal(pipeline.name)}${pascal(stage.name)}`)
      if (stage.isGate) expect(mutations).toContain(`approve${pascal(pipeline.name)}${pascal(stage.name)}`)
    }
    expect(subscriptions).toContain(`${pipeline.name}Progress`)
  }
})

test('every type, field, argument and value is described', () => {
  const silent: string[] = []
  const check = (place: string, description: string | null | undefined) => {
    if (!description?.trim()) silent.push(place)
  }
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type)) continue
    check(type.name, type.description)
    if (isEnumType(type)) for (const value of type.getValues()) check(`${type.name}.${value.name}`, value.description)
    if (isInputObjectType(type))
      for (const field of Object.values(type.getFields())) check(`${type.name}.${field.name}`, field.description)
    if (!isObjectType(type) && !isInterfaceType(type)) continue
    for (const field of Object.values(type.getFields())) {
      check(`${type.name}.${field.name}`, field.description)
      for (const arg of field.args) check(`${type.name}.${field.name}(${arg.name})`, arg.description)
    }
  }
  expect(silent).toEqual([])
})

test('no mutation takes a stage of a track to be written by hand', () => {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    for (const arg of field.args) expect(getNamedType(arg.type).name).not.toBe('TrackStage')
  }
})

test('two schemas can be made in one process', () => {
  expect(createSchema(pipelines)).not.toBe(schema)
})
