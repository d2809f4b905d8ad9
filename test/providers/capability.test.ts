import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineCapability, defineProvider, defineSources, embeddedProvider } from '../../worker/providers/capability.ts'
import { testDeps } from '../support/provider.ts'

interface Greeting {
  greet(): string
}

const embedded = embeddedProvider<Greeting>({ greet: () => 'hello' })
const vendor = defineProvider({
  name: 'vendor',
  environment: z.object({
    VENDOR_KEY: z.string().min(8).meta({ description: 'access key', isSecret: true }),
    VENDOR_REGION: z.enum(['eu', 'us']).meta({ description: 'where it runs' }),
    VENDOR_SECONDS: z.coerce.number().positive().default(30).meta({ description: 'time limit' }),
    VENDOR_NOTE: z.string().optional().meta({ description: 'a note' }),
  }),
  create: ({ VENDOR_REGION, VENDOR_SECONDS }): Greeting => ({
    greet: () => `hi from ${VENDOR_REGION} in ${VENDOR_SECONDS} s`,
  }),
})
const greeting = defineCapability<Greeting>('greeting', [embedded, vendor])

test('the embedded provider is chosen when nothing is said, and other providers’ variables are not looked at', () => {
  for (const environment of [{}, { GREETING_PROVIDER: '' }, { GREETING_PROVIDER: 'embedded', VENDOR_REGION: 'moon' }]) {
    const choice = greeting.choose(environment)
    expect(choice.ok && choice.provider).toBe('embedded')
    expect(choice.ok && choice.create(testDeps()).greet()).toBe('hello')
  }
})

test('a chosen provider gets its variables parsed', () => {
  const choice = greeting.choose({
    GREETING_PROVIDER: 'vendor',
    VENDOR_KEY: '12345678',
    VENDOR_REGION: 'eu',
    VENDOR_SECONDS: '5',
  })
  expect(choice.ok && choice.create(testDeps()).greet()).toBe('hi from eu in 5 s')
})

test('an unknown provider lists the known ones', () => {
  expect(greeting.choose({ GREETING_PROVIDER: 'genie' })).toEqual({
    ok: false,
    issues: ['GREETING_PROVIDER: expected one of embedded, vendor, got "genie"'],
  })
})

test('every fault of a chosen provider is reported at once, by name and without a secret’s value', () => {
  const none = greeting.choose({ GREETING_PROVIDER: 'vendor', VENDOR_KEY: '' })
  expect(none).toEqual({
    ok: false,
    issues: [
      'VENDOR_KEY is missing: access key (needed by GREETING_PROVIDER=vendor)',
      'VENDOR_REGION is missing: where it runs (needed by GREETING_PROVIDER=vendor)',
    ],
  })
  const wrong = greeting.choose({
    GREETING_PROVIDER: 'vendor',
    VENDOR_KEY: 'short',
    VENDOR_REGION: 'moon',
    VENDOR_SECONDS: '-1',
  })
  expect(wrong.ok).toBe(false)
  if (wrong.ok) return
  expect(wrong.issues.map((issue) => issue.split(/[ :]/)[0])).toEqual(['VENDOR_KEY', 'VENDOR_REGION', 'VENDOR_SECONDS'])
  expect(wrong.issues.join()).not.toContain('short')
})

test('every variable is documented with its default, its meaning and whether it is secret', () => {
  expect(greeting.documentation).toEqual([
    {
      name: 'GREETING_PROVIDER',
      fallback: 'embedded',
      isRequired: false,
      description: 'who gives greeting: embedded, vendor',
      isSecret: false,
      provider: null,
    },
    {
      name: 'VENDOR_KEY',
      fallback: null,
      isRequired: true,
      description: 'access key',
      isSecret: true,
      provider: 'vendor',
    },
    {
      name: 'VENDOR_REGION',
      fallback: null,
      isRequired: true,
      description: 'where it runs',
      isSecret: false,
      provider: 'vendor',
    },
    {
      name: 'VENDOR_SECONDS',
      fallback: '30',
      isRequired: false,
      description: 'time limit',
      isSecret: false,
      provider: 'vendor',
    },
    {
      name: 'VENDOR_NOTE',
      fallback: null,
      isRequired: false,
      description: 'a note',
      isSecret: false,
      provider: 'vendor',
    },
  ])
})

test('a capability without an embedded provider, or with one name twice, is a mistake of the program', () => {
  expect(() => defineCapability<Greeting>('greeting', [vendor])).toThrow('embedded')
  expect(() => defineCapability<Greeting>('greeting', [embedded, vendor, vendor])).toThrow('two providers')
})

const other = defineProvider({
  name: 'other',
  environment: z.object({ VENDOR_REGION: z.enum(['eu', 'us']).meta({ description: 'where it runs' }) }),
  create: ({ VENDOR_REGION }): Greeting => ({ greet: () => `hey from ${VENDOR_REGION}` }),
})
const greetings = defineSources<Greeting>('greeting', [vendor, other])

test('of sources any number is chosen, in the order they are declared, and none when nothing is said', () => {
  const chosen = (names: string | undefined) => {
    const choice = greetings.choose({ GREETING_SOURCES: names, VENDOR_KEY: '12345678', VENDOR_REGION: 'us' })
    if (!choice.ok) throw new Error(choice.issues.join())
    return [...choice.create(testDeps())].map(([name, { greet }]) => [name, greet()])
  }
  for (const none of [undefined, '', ' , ']) expect(chosen(none)).toEqual([])
  expect(chosen('other')).toEqual([['other', 'hey from us']])
  expect(chosen(' other ,vendor,other')).toEqual([
    ['vendor', 'hi from us in 30 s'],
    ['other', 'hey from us'],
  ])
})

test('faults of all chosen sources are reported at once, a shared one once, and no secret is shown', () => {
  const choice = greetings.choose({ GREETING_SOURCES: 'vendor,genie,other', VENDOR_KEY: 'short' })
  expect(choice).toEqual({
    ok: false,
    issues: [
      'GREETING_SOURCES: expected names among vendor, other, got "genie"',
      'VENDOR_KEY is not of the expected form: access key (needed by vendor in GREETING_SOURCES)',
      'VENDOR_REGION is missing: where it runs (needed by vendor, other in GREETING_SOURCES)',
    ],
  })
})

test('the variables of sources are documented, the choice first', () => {
  expect(greetings.documentation.map(({ name, provider }) => `${provider} ${name}`)).toEqual([
    'null GREETING_SOURCES',
    ...['vendor VENDOR_KEY', 'vendor VENDOR_REGION', 'vendor VENDOR_SECONDS', 'vendor VENDOR_NOTE'],
    'other VENDOR_REGION',
  ])
  expect(greetings.documentation[0].description).toContain('vendor, other')
  expect(() => defineSources<Greeting>('greeting', [vendor, vendor])).toThrow('two of one name')
})
