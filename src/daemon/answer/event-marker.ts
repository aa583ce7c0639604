// Owns the verdict on an answer of server-sent events, as it goes by. Pure.

import type { Verdict } from '../domain/attempt.ts'
import type { Dialect } from '../domain/endpoint.ts'
import type { Measured } from '../domain/job.ts'
import { GrowableBuffer } from '../text/growable-buffer.ts'
import {
  BRACE,
  bad,
  COMPLETE,
  type CompletionDetector,
  emptyNotes,
  INCOMPLETE,
  MAX_RECORD,
  parseDocument,
  READINGS,
  tooLong,
  trimmed,
  withoutMark,
} from './answer-record.ts'
import { LineSplitter } from './record-splitter.ts'

const DATA = Buffer.from('data:')
const EVENT = Buffer.from('event:')
const DONE = Buffer.from('[DONE]')
const NEWLINE = Buffer.from('\n')

const startsWith = (line: Buffer, field: Buffer): boolean =>
  line.length >= field.length && line.compare(field, 0, field.length, 0, field.length) === 0

/** The data of one event: nearly always one line, and joined as cheaply when it is a million. */
class EventData {
  #only: Buffer | null = null
  #joined: GrowableBuffer | null = null

  get bytes(): Buffer | null {
    return this.#joined?.bytes ?? this.#only
  }

  add(line: Buffer): void {
    if (this.#only === null) {
      this.#only = line
      return
    }
    this.copy()
    this.#joined?.add(NEWLINE)
    this.#joined?.add(line)
  }

  /** From now on it needs no bytes of the chunks that it came in. */
  copy(): void {
    if (this.#only === null || this.#joined !== null) return
    this.#joined = new GrowableBuffer()
    this.#joined.add(this.#only)
  }

  /** As it would be with one more line. */
  with(line: Buffer): Buffer {
    const { bytes } = this
    return bytes === null ? line : Buffer.concat([bytes, NEWLINE, line])
  }

  clear(): void {
    this.#only = null
    this.#joined = null
  }
}

export class EventMarker implements CompletionDetector {
  readonly #dialect: Dialect
  readonly #notes = emptyNotes()
  readonly #lines: LineSplitter
  #name = ''
  readonly #data = new EventData()
  #found: Verdict | null = null
  /** A line that belongs to no event, before any event. */
  #odd = false
  #sawEvent = false

  constructor(dialect: Dialect) {
    this.#dialect = dialect
    this.#lines = new LineSplitter(MAX_RECORD, (line) => this.#take(line))
  }

  push(chunk: Buffer): void {
    if (this.#found === null && !this.#lines.push(chunk)) this.#found ??= tooLong()
    // The chunk is the caller's again.
    this.#data.copy()
  }

  get isDecided(): boolean {
    return this.#found?.kind === 'complete' || this.#found?.kind === 'error'
  }

  verdict(): Verdict {
    if (this.#found !== null) return this.#found
    // An event without its blank line counts if it is whole, and was cut off if it is not.
    const tail = withoutMark(this.#lines.tail)
    const more = dataOf(tail)
    const last = this.#read(this.#name, more === null ? this.#data.bytes : this.#data.with(more))
    if (last !== null && last.kind !== 'bad') return last
    return (this.#odd || isOdd(tail)) && !this.#sawEvent && more === null ? bad('no server-sent events') : INCOMPLETE
  }

  measured(): Measured {
    return { ...this.#notes }
  }

  #take(taken: Buffer): void {
    const line = withoutMark(taken)
    if (this.#found !== null) return
    if (line.length === 0) {
      this.#found = this.#read(this.#name, this.#data.bytes)
      this.#name = ''
      this.#data.clear()
      return
    }
    const data = dataOf(line)
    if (data !== null) {
      this.#sawEvent = true
      this.#data.add(data)
      if ((this.#data.bytes?.length ?? 0) > MAX_RECORD) this.#found = tooLong()
    } else if (startsWith(line, EVENT)) {
      this.#name = line.toString('latin1', EVENT.length).trim()
    } else if (isOdd(line)) {
      this.#odd = true
    }
  }

  #read(name: string, data: Buffer | null): Verdict | null {
    if (data === null) return null
    const record = trimmed(data)
    if (record.equals(DONE)) return COMPLETE
    const document = parseDocument(record)
    if (document === undefined) return record.length === 0 ? null : bad('an event whose data is no JSON object')
    return READINGS[this.#dialect](document, this.#notes, name)
  }
}

/** The data in a line; null if it has none. */
function dataOf(line: Buffer): Buffer | null {
  if (startsWith(line, DATA)) return line.subarray(DATA.length)
  // An Ollama that fails half-way may write its error as a bare line between the events.
  return line[0] === BRACE ? line : null
}

const FIELDS = ['data:', 'event:', 'id:', 'retry:', ':']

/** A line that no event has. A last one may have been cut off in the middle of its name. */
function isOdd(line: Buffer): boolean {
  const start = line.toString('latin1', 0, 8)
  return !FIELDS.some((field) => start.startsWith(field) || field.startsWith(start))
}
