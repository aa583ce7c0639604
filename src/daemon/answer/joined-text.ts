// Owns text that grows by a token at a time, as UTF-8: as flat in memory as its bytes, and without a limit on its length
// (a string of more than 512 MiB is an exception). Pure.

import { GrowableBuffer } from '../text/growable-buffer.ts'

/** How much is held as a string before it becomes bytes. */
const PENDING = 16 * 1024
/** How much of it is made into JSON at a time. */
const ESCAPED_AT_ONCE = 1024 ** 2

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00

export class JoinedText {
  readonly #bytes = new GrowableBuffer()
  #pending = ''

  get isEmpty(): boolean {
    return this.#bytes.length === 0 && this.#pending === ''
  }

  /** Anything but a string adds nothing. */
  add(text: unknown): void {
    if (typeof text !== 'string' || text === '') return
    this.#pending += text
    if (this.#pending.length < PENDING) return
    // Half a character may stand at the end of a token, and its other half at the start of the next.
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

  /** As a JSON string, with its quotes. */
  get json(): Buffer {
    const { bytes } = this
    const pieces = [Buffer.from('"')]
    for (let from = 0; from < bytes.length; ) {
      let to = Math.min(bytes.length, from + ESCAPED_AT_ONCE)
      while (to < bytes.length && ((bytes[to] ?? 0) & 0xc0) === 0x80) to--
      pieces.push(Buffer.from(JSON.stringify(bytes.toString('utf8', from, to)).slice(1, -1)))
      from = to
    }
    return Buffer.concat([...pieces, Buffer.from('"')])
  }
}
