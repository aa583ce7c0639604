// Owns where one record of an answer ends and the next begins: lines of NDJSON, events of SSE, or one whole document. The
// same bytes give the same records however they were sliced, so that a record has one number, live and afterwards. Pure.

import type { AnswerRecord } from '../domain/answer.ts'
import { ENDPOINTS, type EndpointPath } from '../domain/endpoint.ts'
import { GrowableBuffer } from '../text/growable-buffer.ts'
import { BRACE, MAX_RECORD, trimmed, withoutMark } from './answer-record.ts'

export interface RecordParser {
  push(chunk: Buffer): void
  /** There is no more: what is left is a record too, if it has any data. Safe twice. */
  end(): void
}

/** The bytes of a record are valid only during the call. */
export type OnRecord = (record: AnswerRecord) => void

/** `streamed`: as for createMarker. A record of more than 8 MiB is left out; those behind it are not. */
export function createRecordParser(endpoint: EndpointPath, streamed: boolean, onRecord: OnRecord): RecordParser {
  if (!streamed) return new DocumentCutter(onRecord)
  const { dialect } = ENDPOINTS[endpoint]
  return dialect === 'native' ? new LineCutter((line) => emitLine(line, onRecord)) : new EventCutter(onRecord)
}

/** A beat and a blank line are no records. */
function emitLine(line: Buffer | null, onRecord: OnRecord): void {
  const data = line === null ? null : trimmed(line)
  if (data !== null && data.length > 0) onRecord({ event: null, data })
}

class DocumentCutter implements RecordParser {
  readonly #onRecord: OnRecord
  readonly #body = new GrowableBuffer()
  #over = false

  constructor(onRecord: OnRecord) {
    this.#onRecord = onRecord
  }

  push(chunk: Buffer): void {
    if (this.#over) return
    this.#over = this.#body.length + chunk.length > MAX_RECORD
    if (this.#over) this.#body.clear()
    else this.#body.add(chunk)
  }

  end(): void {
    if (this.#over) return
    this.#over = true
    emitLine(this.#body.take(), this.#onRecord)
  }
}

const LF = 10
const CR = 13

/** As LineSplitter, but it goes on behind a line that is too long, of which it says null. */
class LineCutter implements RecordParser {
  readonly #onLine: (line: Buffer | null) => void
  readonly #tail = new GrowableBuffer()
  #tooLong = false

  constructor(onLine: (line: Buffer | null) => void) {
    this.#onLine = onLine
  }

  push(chunk: Buffer): void {
    let from = 0
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, from)) {
      this.#line(chunk.subarray(from, end))
      from = end + 1
    }
    if (from < chunk.length) this.#add(chunk.subarray(from))
  }

  end(): void {
    if (this.#tooLong || this.#tail.length > 0) this.#line(Buffer.alloc(0))
  }

  #add(piece: Buffer): void {
    this.#tooLong ||= this.#tail.length + piece.length > MAX_RECORD
    if (this.#tooLong) this.#tail.clear()
    else this.#tail.add(piece)
  }

  #line(rest: Buffer): void {
    let line: Buffer | null = rest
    if (this.#tooLong || this.#tail.length > 0 || rest.length > MAX_RECORD) {
      this.#add(rest)
      line = this.#tooLong ? null : this.#tail.take()
      this.#tooLong = false
    }
    this.#onLine(line?.at(-1) === CR ? line.subarray(0, -1) : line)
  }
}

const NEWLINE = Buffer.from('\n')
const DATA = Buffer.from('data:')
const EVENT = Buffer.from('event:')
const SPACE = 0x20

/** The value of a field; null if the line is another one. One space behind the colon belongs to the framing. */
function fieldOf(field: Buffer, line: Buffer): Buffer | null {
  if (line.length < field.length || line.compare(field, 0, field.length, 0, field.length) !== 0) return null
  return line.subarray(line[field.length] === SPACE ? field.length + 1 : field.length)
}

class EventCutter implements RecordParser {
  readonly #onRecord: OnRecord
  readonly #lines: LineCutter
  #event: string | null = null
  /** Nearly always one line of data, and then never copied unless the chunk ends before the event does. */
  #first: Buffer | null = null
  readonly #more = new GrowableBuffer()
  #tooLong = false

  constructor(onRecord: OnRecord) {
    this.#onRecord = onRecord
    this.#lines = new LineCutter((line) => this.#take(line === null ? null : withoutMark(line)))
  }

  push(chunk: Buffer): void {
    this.#lines.push(chunk)
    // The chunk is the caller's again.
    if (this.#first !== null) this.#join()
  }

  end(): void {
    this.#lines.end()
    this.#dispatch()
  }

  #take(line: Buffer | null): void {
    if (line === null) this.#tooLong = true
    else if (line.length === 0) this.#dispatch()
    else {
      // A bare line of JSON is data: an Ollama that fails half-way may write its error so (see event-marker.ts).
      const data = line[0] === BRACE ? line : fieldOf(DATA, line)
      if (data !== null) this.#add(data)
      else this.#event = fieldOf(EVENT, line)?.toString('utf8').trim() ?? this.#event
    }
  }

  #add(data: Buffer): void {
    const { length } = this.#first ?? this.#more
    const isFirst = this.#first === null && !this.#hasMore
    this.#tooLong ||= length + data.length + (isFirst ? 0 : 1) > MAX_RECORD
    if (this.#tooLong) return
    if (isFirst) {
      this.#first = data
      return
    }
    if (this.#first !== null) this.#join()
    this.#more.add(NEWLINE)
    this.#more.add(data)
  }

  #hasMore = false

  #join(): void {
    if (this.#first !== null) this.#more.add(this.#first)
    this.#first = null
    this.#hasMore = true
  }

  #dispatch(): void {
    const data = this.#hasMore ? this.#more.take() : this.#first
    const record = data === null || this.#tooLong ? null : { event: this.#event || null, data: trimmed(data) }
    this.#event = null
    this.#first = null
    this.#hasMore = false
    this.#tooLong = false
    this.#more.clear()
    if (record !== null && record.data.length > 0) this.#onRecord(record)
  }
}
