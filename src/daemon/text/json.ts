// JSON texts: parsing of an object, decoding of a string where it lies, and writing as Go does. Pure. json-scan.ts finds the spans.

export type JsonDocument = Readonly<Record<string, unknown>>

export const isJsonObject = (value: unknown): value is JsonDocument =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Returns the object that `text` is, or null if it is not JSON, or another value. */
export function jsonObject(text: string): JsonDocument | null {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : null
  } catch {
    return null
  }
}

/**
 * Returns the text of a JSON string that the scanner found valid. The span is without its quotes. Broken UTF-8 and lone
 * surrogates become U+FFFD, as in Go: it must never be stricter than Go is.
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
