import { ProviderRejected } from '../../errors.ts'
import type { Translation } from './contract.ts'

/**
 * Translation needs a language model, and none comes with Refrain: this provider says so for every pair, so that the work is skipped
 * with a reason instead of done badly. Set `TRANSLATION_PROVIDER` for translations.
 */
export const embeddedTranslation: Translation = {
  unavailableReason,
  async translate({ from, to, signal }) {
    signal.throwIfAborted()
    throw new ProviderRejected('embedded translation', unavailableReason(from, to))
  },
}

function unavailableReason(from: string, to: string): string {
  if (primaryLanguage(from) === primaryLanguage(to)) return `the lyrics are already in ${nameOf(from)}`
  return `translating ${nameOf(from)} to ${nameOf(to)} needs a language model, and the embedded provider has none: set TRANSLATION_PROVIDER to one that does`
}

/** `pt` of `pt-BR`, except that Chinese in another script is another written language. */
function primaryLanguage(tag: string): string {
  const locale = localeOf(tag)
  if (!locale) return tag.toLowerCase()
  const { language, script } = locale.maximize()
  return language === 'zh' ? `${language}-${script}` : language
}

function nameOf(tag: string): string {
  return localeOf(tag) ? (new Intl.DisplayNames('en', { type: 'language' }).of(tag) ?? tag) : tag
}

function localeOf(tag: string): Intl.Locale | null {
  try {
    return new Intl.Locale(tag)
  } catch {
    return null
  }
}
