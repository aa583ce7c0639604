// JSON objects in texts of the other side. For every runtime.

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
