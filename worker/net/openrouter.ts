import { z } from 'zod'
import { ProviderRejected, ProviderUnavailable } from '../errors.ts'
import type { Http } from './http.ts'
import { redact } from './redact.ts'

/** The variables of every provider that asks a language model through OpenRouter. */
export const openrouterVariables = {
  OPENROUTER_API_KEY: z.string().meta({ description: 'key for OpenRouter', isSecret: true }),
  OPENROUTER_MODEL: z
    .string()
    .default('google/gemini-2.5-flash-lite-preview-09-2025')
    .meta({ description: 'language model, as OpenRouter names it; models are withdrawn often' }),
  OPENROUTER_URL: z.url().default('https://openrouter.ai/api/v1').meta({ description: 'OpenRouter’s API' }),
  OPENROUTER_INTERVAL_MS: z.coerce
    .number()
    .min(0)
    .default(1_000)
    .meta({ description: 'least time between two calls of one provider' }),
  OPENROUTER_TIMEOUT_MS: z.coerce
    .number()
    .positive()
    .default(120_000)
    .meta({ description: 'time limit of one answer' }),
}

const variables = z.object(openrouterVariables)
export type OpenrouterSettings = z.output<typeof variables>

export type Part =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'input_audio'; readonly input_audio: { readonly data: string; readonly format: 'mp3' | 'wav' } }

export interface Question<Schema extends z.ZodType> {
  /** Name of the answer's form: letters, digits, `_`. */
  readonly name: string
  readonly instructions: string
  readonly content: string | readonly Part[]
  /** What the model must answer. An object; told to the model as JSON Schema and checked here. */
  readonly answer: Schema
  readonly signal: AbortSignal
}

const Failure = z.object({ code: z.union([z.number(), z.string()]).optional(), message: z.string().optional() })
const Completion = z.object({
  error: Failure.optional(),
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        error: Failure.optional(),
        message: z.object({ content: z.string().nullish() }).optional(),
      }),
    )
    .optional(),
})

/**
 * Asks a language model for JSON of a given form and checks it. An answer that does not fit is asked for once more, with what
 * was wrong about it.
 *
 * @throws ProviderRejected when the second answer does not fit either, the model is gone (404, 410), or there is no credit (402)
 * @throws ProviderUnavailable when the model's host failed midway
 */
export async function ask<Schema extends z.ZodType>(
  http: Http,
  settings: OpenrouterSettings,
  question: Question<Schema>,
): Promise<z.output<Schema>> {
  const messages: { role: string; content: string | readonly Part[] }[] = [
    { role: 'system', content: question.instructions },
    { role: 'user', content: question.content },
  ]
  for (let attempt = 1; ; attempt++) {
    const text = await complete(http, settings, question, messages)
    const { value, misfit } = readAnswer(text, question.answer)
    if (misfit === null) return value
    if (attempt === 2) {
      const model = settings.OPENROUTER_MODEL
      throw new ProviderRejected(
        'openrouter',
        `${model} answered twice in another form than asked for: ${redact(misfit)}`,
      )
    }
    messages.push({ role: 'assistant', content: text })
    messages.push({
      role: 'user',
      content: `That does not fit: ${misfit}. Answer again, with JSON of the form asked for only.`,
    })
  }
}

async function complete(
  http: Http,
  settings: OpenrouterSettings,
  { name, answer, signal }: Question<z.ZodType>,
  messages: readonly unknown[],
): Promise<string> {
  const completion = await http.json(`${settings.OPENROUTER_URL.replace(/\/+$/, '')}/chat/completions`, Completion, {
    method: 'POST',
    headers: { authorization: `Bearer ${settings.OPENROUTER_API_KEY}`, 'x-title': 'Refrain' },
    json: {
      model: settings.OPENROUTER_MODEL,
      messages,
      response_format: { type: 'json_schema', json_schema: { name, strict: true, schema: jsonSchema(answer) } },
      provider: { require_parameters: true },
    },
    // Asking twice costs a fraction of a cent and changes nothing.
    idempotent: true,
    timeoutMs: settings.OPENROUTER_TIMEOUT_MS,
    totalMs: settings.OPENROUTER_TIMEOUT_MS * 2,
    signal,
  })
  const [choice] = completion.choices ?? []
  const failure = completion.error ?? choice?.error
  if (failure) throw midwayFailure(failure)
  const content = choice?.message?.content
  if (!content)
    throw new ProviderRejected('openrouter', `expected an answer, got none (${choice?.finish_reason ?? 'no choice'})`)
  if (choice?.finish_reason === 'length') {
    throw new ProviderRejected('openrouter', 'the answer was cut off at the model’s length limit: send less text')
  }
  return content
}

/** An error inside an answer of status 200: the model's host failed after the answer had begun. */
function midwayFailure({ code, message = 'no reason given' }: z.output<typeof Failure>): Error {
  const isFinal = ['400', '401', '402', '403', '404', '410', '413', '422'].includes(String(code))
  const text = redact(`answered with an error (${code ?? 'no code'}): ${message.slice(0, 300)}`)
  return isFinal ? new ProviderRejected('openrouter', text) : new ProviderUnavailable('openrouter', text)
}

function readAnswer<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
): { value: z.output<Schema>; misfit: null } | { value: null; misfit: string } {
  // Models put fences around JSON whatever they are told.
  const json = /^\s*```(?:json)?\s*([\s\S]*?)\s*```\s*$/.exec(text)?.[1] ?? text
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return { value: null, misfit: 'it is not JSON' }
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return { value: parsed.data, misfit: null }
  const [issue] = parsed.error.issues
  const place = issue?.path.length ? `${z.core.toDotPath(issue.path)}: ` : ''
  return { value: null, misfit: `${place}${issue?.message ?? 'unknown'}` }
}

/** JSON Schema as strict mode wants it, without zod's own mark. */
function jsonSchema(schema: z.ZodType): unknown {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return { ...rest, additionalProperties: false }
}
