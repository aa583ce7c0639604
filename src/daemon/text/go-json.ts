// Encoder of JSON as Go's encoding/json writes it. Pure.

/** JSON as Go's encoding/json writes it: HTML's three letters and the two line separators are escaped. */
export function goJson(value: unknown): string {
  const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  const wellFormed = (_key: string, part: unknown): unknown => (typeof part === 'string' ? part.toWellFormed() : part)
  return JSON.stringify(value, wellFormed).replace(/[<>&\u2028\u2029]/g, escaped)
}
