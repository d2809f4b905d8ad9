/** International Standard Recording Code: twelve characters without dashes, `GBAYE0601498`; null when it is none. */
export function parseIsrc(text: string | null | undefined): string | null {
  const code = text?.replace(/[\s-]/g, '').toUpperCase() ?? ''
  return /^[A-Z]{2}[A-Z0-9]{3}\d{7}$/.test(code) ? code : null
}

/**
 * International Standard Musical Work Code in the form `T-034.524.680-1`; null when it is none or its check digit is wrong.
 *
 * @see ISO 15707: the check digit makes 1 + Σ i·dᵢ + c a multiple of ten
 */
export function parseIswc(text: string | null | undefined): string | null {
  const found = /^T(\d{9})(\d)$/.exec(text?.replace(/[\s.-]/g, '').toUpperCase() ?? '')
  if (!found) return null
  const [, digits, check] = found
  let sum = 1
  for (let i = 0; i < 9; i++) sum += (i + 1) * Number(digits[i])
  if ((sum + Number(check)) % 10 !== 0) return null
  return `T-${digits.slice(0, 3)}.${digits.slice(3, 6)}.${digits.slice(6)}-${check}`
}

/** An ISO 8601 date as exact as known, `2009`, `2009-03` or `2009-03-23`; null for anything else. */
export function parseDate(text: string | null | undefined): string | null {
  return text && /^(?!0000)\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/.test(text) ? text : null
}
