// JSON strings: decoded where they lie, and written as Go does. Pure. json-scan.ts finds the spans.

/**
 * Returns the text of a JSON string that the scanner found valid. The span is without its quotes. Lone surrogates and
 * broken UTF-8 become U+FFFD, as in Go, except that a truncated sequence becomes one, not one for each byte. It must never be
 * stricter than Go.
 */
export function decodeJsonString(bytes: Uint8Array, start: number, end: number): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string).toWellFormed() : text
}

/** JSON as Go's encoding/json writes it: HTML's three letters and the two line separators are escaped. */
export function goJson(value: unknown): string {
  const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  const wellFormed = (_key: string, part: unknown): unknown => (typeof part === 'string' ? part.toWellFormed() : part)
  return JSON.stringify(value, wellFormed).replace(/[<>&\u2028\u2029]/g, escaped)
}
