// Owns the words between the joiner of an answer and its dialects, and the looks into a parsed record that they share. Pure.

export type Document = Readonly<Record<string, unknown>>

export interface Joining {
  /** `data` is valid only during the call. `isLast`: the terminal marker is in it. */
  add(document: Document, data: Buffer, isLast: boolean): void
  completion(): Buffer
  result(): Buffer | null
}

export const documentIn = (value: unknown): Document | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Document) : undefined

export const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

export const indexIn = (document: Document): number => {
  const { index } = document
  return typeof index === 'number' ? index : 0
}

/** The values of a map by rising index. */
export const byIndex = <T>(map: ReadonlyMap<number, T>): T[] =>
  [...map].sort(([a], [b]) => a - b).map(([, value]) => value)

/** A copy that outlives the record. */
export const kept = (bytes: Buffer): Buffer => Buffer.from(bytes)
