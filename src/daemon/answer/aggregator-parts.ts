// Interface of the stream aggregators, and what they share for reading a parsed record. Pure.

import { isJsonObject, type JsonDocument } from '../../protocol/json.ts'
import { GrowableBuffer } from '../text/byte-buffers.ts'

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

/** Length of the string that is held before it becomes bytes. */
const MAX_PENDING_CHARS = 16 * 1024
/** How many bytes are made into JSON at a time. */
const MAX_ESCAPED_BYTES = 1024 ** 2

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00

/**
 * Text that grows by a token at a time, as UTF-8. It takes as much memory as its bytes, and has no maximum length (a JavaScript
 * string of more than 512 MiB throws).
 */
export class JoinedText {
  readonly #bytes = new GrowableBuffer()
  #pending = ''

  get isEmpty(): boolean {
    return this.#bytes.length === 0 && this.#pending === ''
  }

  /** Adds nothing for anything but a string. */
  add(text: unknown): void {
    if (typeof text !== 'string' || text === '') return
    this.#pending += text
    if (this.#pending.length < MAX_PENDING_CHARS) return
    // A token may end in the middle of a character.
    const keeps = isHighSurrogate(this.#pending.charCodeAt(this.#pending.length - 1)) ? 1 : 0
    const end = this.#pending.length - keeps
    this.#bytes.add(Buffer.from(this.#pending.slice(0, end)))
    this.#pending = this.#pending.slice(end)
  }

  /** Valid until the next `add`. */
  get bytes(): Buffer {
    if (this.#pending !== '') this.#bytes.add(Buffer.from(this.#pending))
    this.#pending = ''
    return this.#bytes.bytes
  }

  /** A JSON string, with its quotes. */
  get json(): Buffer {
    const { bytes } = this
    const pieces = [Buffer.from('"')]
    for (let from = 0; from < bytes.length; ) {
      let to = Math.min(bytes.length, from + MAX_ESCAPED_BYTES)
      while (to < bytes.length && ((bytes[to] ?? 0) & 0xc0) === 0x80) to--
      pieces.push(Buffer.from(JSON.stringify(bytes.toString('utf8', from, to)).slice(1, -1)))
      from = to
    }
    return Buffer.concat([...pieces, Buffer.from('"')])
  }
}

/** Texts by the names of their fields. */
export class JoinedTexts extends Map<string, JoinedText> {
  /** Adds nothing for anything but a string. */
  add(name: string, piece: unknown): void {
    if (typeof piece !== 'string') return
    const text = this.get(name) ?? new JoinedText()
    this.set(name, text)
    text.add(piece)
  }
}
