// JSON objects of which only some members are read.

export type JsonDocument = Readonly<Record<string, unknown>>

export const isJsonObject = (value: unknown): value is JsonDocument =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Returns null if the text is invalid JSON, or something other than an object. */
export function jsonObject(text: string): JsonDocument | null {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : null
  } catch {
    return null
  }
}
