// Interface of the stream aggregators, and what they share for reading a parsed record. Pure.

import { isJsonObject, type JsonDocument } from '../text/json-object.ts'

export type { JsonDocument } from '../text/json-object.ts'

/** A model makes a few choices, calls and blocks. Each costs about 500 bytes in addition to its own. */
const MAX_PARTS = 4096

/** Counts the parts of one answer that are held as objects. */
export class PartCount {
  #parts = 0

  get isExceeded(): boolean {
    return this.#parts > MAX_PARTS
  }

  /** Returns whether one more may be held. */
  take(): boolean {
    this.#parts += 1
    return !this.isExceeded
  }

  /** Returns whether `count` more could be held. If not, the answer has too many. */
  fits(count: number): boolean {
    if (this.#parts + count > MAX_PARTS) this.#parts = MAX_PARTS + 1
    return !this.isExceeded
  }
}

export interface StreamAggregator {
  readonly parts: PartCount
  /** `data` is valid only during the call. `isLast`: the record decided the verdict. */
  add(document: JsonDocument, data: Buffer, isLast: boolean): void
  completion(): Buffer
  result(): Buffer | null
}

export const documentIn = (value: unknown): JsonDocument | undefined => (isJsonObject(value) ? value : undefined)

export const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

export const indexIn = (document: JsonDocument): number => {
  const { index } = document
  return typeof index === 'number' ? index : 0
}

/** The values of a map by rising index. */
export const byIndex = <T>(map: ReadonlyMap<number, T>): T[] =>
  [...map].sort(([a], [b]) => a - b).map(([, value]) => value)

/** A copy that outlives the record. */
export const copyOf = (bytes: Buffer): Buffer => Buffer.from(bytes)
