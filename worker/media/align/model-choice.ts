import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** An acoustic model that comes with the `soundswallower` package. */
export interface ModelChoice {
  /** Primary language that it was trained on and that its dictionary is for. */
  readonly language: string
  readonly folder: string
}

/**
 * The model for lyrics in `language` (BCP 47): French has its own, every other language is sounded out in the English model's
 * phones.
 */
export function chooseModel(language: string): ModelChoice {
  const models = join(dirname(createRequire(import.meta.url).resolve('soundswallower')), 'model')
  return language.split('-')[0].toLowerCase() === 'fr'
    ? { language: 'fr', folder: join(models, 'fr-fr') }
    : { language: 'en', folder: join(models, 'en-us') }
}
