// Owns the framing of HTTP/1.1 answers on a kept connection: where a head ends, which bytes are body, when the answer is
// whole. It guesses nothing: two lengths, a length beside chunks or a line it cannot read are no answer. Keeps no body.

import { NotHttp } from './loss.ts'

/** What becomes of the bytes. */
export interface AnswerParts {
  /** A 1xx went by. */
  informed(): void
  /** `raw`: name, value, name, value, as they stood; one character a byte. */
  head(status: number, raw: readonly string[], reason: string): void
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
const MOST_HEAD = 16 * 1024
/** A chunk's size with its extensions. */
const MOST_LINE = 1024

const STATUS = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/
const FIELD = /^([\w!#$%&'*+.^`|~-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/
const LENGTH = /^\d{1,15}$/
const CHUNK_SIZE = /^([\da-f]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i

// Ollama never closes an idle connection; a laptop's firewall or NAT does, and says nothing.
const IDLE_MS = 30_000
/** Between what a server says it keeps a connection and what is relied on: its clock began earlier than ours. */
const HURRY_MS = 2_000

export class AnswerReader {
  readonly #parts: AnswerParts
  #expecting: Expecting = 'nothing'
  /** Of the body, or of the chunk. */
  #left = 0
  #trailers = 0
  #idleMs = 0
  /** The beginning of a head or a line whose end has not come. */
  #rest: Buffer | null = null

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
        return this.#readHead(bytes, at)
      case 'length':
      case 'chunk':
        return this.#readBody(bytes, at)
      case 'close':
        this.#parts.data(bytes.subarray(at))
        return bytes.length
      default:
        return this.#readLine(bytes, at)
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    const known = Math.min(VERSION.length, bytes.length - at)
    if (VERSION.compare(bytes, at, at + known, 0, known) !== 0) throw new NotHttp('no status line')
    const end = bytes.indexOf(HEAD_END, at)
    if ((end < 0 ? bytes.length : end) - at > MOST_HEAD) throw new NotHttp('the head is too long')
    if (end < 0) return at
    const [first = '', ...lines] = bytes.toString('latin1', at, end).split('\r\n')
    const [, minor, digits, reason = ''] = STATUS.exec(first) ?? []
    if (digits === undefined) throw new NotHttp('a status line that is none')
    const status = Number(digits)
    if (status === 100 || status === 101) throw new NotHttp(`a ${status} that nobody asked for`)
    if (status < 200) {
      this.#parts.informed()
      return end + HEAD_END.length
    }
    const raw: string[] = []
    this.#expecting = this.#framing(status, minor === '1', lines, raw)
    this.#parts.head(status, raw, reason)
    return end + HEAD_END.length
  }

  /** What follows the head. Fills `raw`. */
  #framing(status: number, persists: boolean, lines: readonly string[], raw: string[]): Expecting {
    let length: string | null = null
    let coding: string | null = null
    let idleMs = persists ? IDLE_MS : 0
    for (const line of lines) {
      const [, name, padded = ''] = FIELD.exec(line) ?? []
      if (name === undefined) throw new NotHttp('a header line that is none')
      const value = withoutPadding(padded)
      raw.push(name, value)
      switch (name.toLowerCase()) {
        case 'content-length':
          if (length !== null || !LENGTH.test(value)) throw new NotHttp('a length that is none')
          length = value
          break
        case 'transfer-encoding':
          if (coding !== null) throw new NotHttp('two transfer codings')
          coding = value.toLowerCase()
          break
        case 'connection':
          if (/(^|[\t ,])close([\t ,]|$)/i.test(value)) idleMs = 0
          break
        case 'keep-alive':
          idleMs = Math.min(idleMs, Math.max(0, keptMs(value) - HURRY_MS))
      }
    }
    this.#idleMs = idleMs
    if (coding !== null && (coding !== 'chunked' || length !== null)) throw new NotHttp('an unclear length')
    if (status === 204 || status === 304) return 'nothing'
    if (coding !== null) return 'size'
    if (length === null) return 'close'
    this.#left = Number(length)
    return this.#left === 0 ? 'nothing' : 'length'
  }

  #readBody(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left)
    this.#left -= end - at
    if (this.#left === 0) this.#expecting = this.#expecting === 'chunk' ? 'chunk end' : 'nothing'
    this.#parts.data(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end))
    return end
  }

  #readLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(LINE_END, at)
    const most = this.#expecting === 'trailer' ? MOST_HEAD - this.#trailers : MOST_LINE
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

/** Not trimEnd(): a byte 0xa0 is part of the value. */
function withoutPadding(value: string): string {
  let end = value.length
  while (end > 0 && (value[end - 1] === ' ' || value[end - 1] === '\t')) end -= 1
  return end === value.length ? value : value.slice(0, end)
}

/** From `timeout=5, max=100`. */
function keptMs(value: string): number {
  const [, seconds] = /timeout=(\d{1,9})/i.exec(value) ?? []
  return seconds === undefined ? IDLE_MS + HURRY_MS : Number(seconds) * 1000
}
