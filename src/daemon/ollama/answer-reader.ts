// Owns the reading of answers that follow each other on one connection: where a head ends, which bytes are body, when the
// answer is whole. It keeps no body, and takes nothing for an end that is none.

import { type AnswerHead, readHead } from './answer-head.ts'
import { NotHttp } from './loss.ts'

/** What becomes of the bytes. */
export interface AnswerParts {
  /** A 1xx went by. */
  informed(): void
  head(head: AnswerHead): void
  /** Valid only during the call. */
  data(bytes: Buffer): void
  /** The last call. `idleMs`: how long the connection may be kept for another request; 0 = not at all. */
  end(idleMs: number): void
}

type Expecting = 'head' | 'length' | 'size' | 'chunk' | 'chunk end' | 'trailer' | 'close' | 'nothing'

const HEAD_END = Buffer.from('\r\n\r\n')
const LINE_END = Buffer.from('\r\n')
const VERSION = Buffer.from('HTTP/1.')
/** Of a head, and of all trailers together. */
const MAX_HEAD_BYTES = 16 * 1024
/** A chunk's size with its extensions. */
const MAX_LINE_BYTES = 1024

const CHUNK_SIZE = /^([\da-f]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i

export class AnswerReader {
  readonly #parts: AnswerParts
  #expecting: Expecting = 'nothing'
  /** Of the body, or of the chunk. */
  #left = 0
  #trailers = 0
  #idleMs = 0
  /** The beginning of a head or a line whose end has not come. */
  #rest: Buffer | null = null
  /** The head that was read last: those of one second are often the same, and reading one takes three microseconds. */
  #lastText = ''
  #lastHead: AnswerHead | null = null

  constructor(parts: AnswerParts) {
    this.#parts = parts
  }

  /** The next bytes are an answer. */
  begin(): void {
    this.#expecting = 'head'
    this.#rest = null
  }

  /** Throws NotHttp. */
  push(input: Buffer): void {
    const bytes = this.#rest === null ? input : Buffer.concat([this.#rest, input])
    this.#rest = null
    let at = 0
    while (at < bytes.length && this.#expecting !== 'nothing') {
      const next = this.#step(bytes, at)
      if (next === at) {
        // The reader's buffer is used again.
        this.#rest = Buffer.from(bytes.subarray(at))
        return
      }
      at = next
    }
    // Bytes behind an answer belong to nobody: that connection is out of step.
    if (this.#expecting === 'nothing') this.#parts.end(at === bytes.length ? this.#idleMs : 0)
  }

  /** The other side has ended the connection. True: that was the end of the answer. */
  finish(): boolean {
    return this.#expecting === 'close'
  }

  /** Where to go on; the same place when more bytes are needed. */
  #step(bytes: Buffer, at: number): number {
    switch (this.#expecting) {
      case 'head':
        return this.#takeHead(bytes, at)
      case 'length':
      case 'chunk':
        return this.#takeBody(bytes, at)
      case 'close':
        this.#parts.data(bytes.subarray(at))
        return bytes.length
      default:
        return this.#takeLine(bytes, at)
    }
  }

  #takeHead(bytes: Buffer, at: number): number {
    const known = Math.min(VERSION.length, bytes.length - at)
    if (VERSION.compare(bytes, at, at + known, 0, known) !== 0) throw new NotHttp('it does not begin like HTTP/1.1')
    const end = bytes.indexOf(HEAD_END, at)
    if ((end < 0 ? bytes.length : end) - at > MAX_HEAD_BYTES) throw new NotHttp('the head is too long')
    if (end < 0) return at
    const head = this.#headOf(bytes.toString('latin1', at, end))
    if (head.status === 101) throw new NotHttp('a 101 that was not asked for')
    if (head.status < 200) {
      this.#parts.informed()
      return end + HEAD_END.length
    }
    this.#idleMs = head.idleMs
    this.#left = head.length
    if (head.body === 'chunks') this.#expecting = 'size'
    else if (head.body === 'length' && head.length > 0) this.#expecting = 'length'
    else this.#expecting = head.body === 'close' ? 'close' : 'nothing'
    this.#parts.head(head)
    return end + HEAD_END.length
  }

  #headOf(text: string): AnswerHead {
    if (this.#lastHead === null || text !== this.#lastText) {
      this.#lastHead = readHead(text)
      this.#lastText = text
    }
    return this.#lastHead
  }

  #takeBody(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left)
    this.#left -= end - at
    if (this.#left === 0) this.#expecting = this.#expecting === 'chunk' ? 'chunk end' : 'nothing'
    this.#parts.data(bytes.subarray(at, end))
    return end
  }

  #takeLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(LINE_END, at)
    const most = this.#expecting === 'trailer' ? MAX_HEAD_BYTES - this.#trailers : MAX_LINE_BYTES
    if ((end < 0 ? bytes.length : end) - at > most) throw new NotHttp('a line between chunks is too long')
    if (end < 0) return at
    const next = end + LINE_END.length
    if (this.#expecting === 'chunk end') {
      if (end !== at) throw new NotHttp('a chunk that is longer than it said')
      this.#expecting = 'size'
    } else if (this.#expecting === 'size') {
      const [, digits] = CHUNK_SIZE.exec(bytes.toString('latin1', at, end)) ?? []
      if (digits === undefined) throw new NotHttp('a chunk size that is none')
      this.#left = Number.parseInt(digits, 16)
      this.#trailers = 0
      this.#expecting = this.#left === 0 ? 'trailer' : 'chunk'
    } else if (end === at) {
      this.#expecting = 'nothing'
    } else {
      this.#trailers += next - at
    }
    return next
  }
}
