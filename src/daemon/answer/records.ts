// Record parser of the target's answers: lines of NDJSON, events of SSE, or one whole document. The same bytes give the same
// records however they are sliced, so that a record has the same number live and afterwards. Pure.

import { type JsonDocument, jsonObject } from '../../protocol/json.ts'
import type { AnswerRecord } from '../domain/endpoint.ts'
import { ENDPOINTS, type EndpointPath } from '../domain/endpoint.ts'
import { GrowableBuffer } from '../text/byte-buffers.ts'
import { isJsonDocument, rawMembers, rawText } from './raw-json.ts'

/** Ollama's own client takes no longer line. */
export const MAX_RECORD_BYTES = 8 * 1024 ** 2

/** One record. It is parsed once, and only if its document is asked for. */
export class ParsedRecord implements AnswerRecord {
  readonly event: string | null
  readonly data: Buffer
  /** Undefined until it is asked for. */
  #document: JsonDocument | null | undefined

  constructor(event: string | null, data: Buffer) {
    this.event = event
    this.data = data
  }

  /** The JSON object in `data`; null for anything else. */
  get document(): JsonDocument | null {
    if (this.#document === undefined) this.#document = parseDocument(this.data)
    return this.#document
  }
}

/** The bytes of a record are valid only during the call. */
export type OnRecord = (record: ParsedRecord) => void

export interface RecordParser {
  /** The bytes are valid only during the call. */
  push(chunk: Buffer): void
  /** The answer is over: what is left is a record too, if it has any data. Safe twice. */
  end(): void
  /** The record that `end` would give now, or null. For events, an unfinished line counts only as data. */
  pending(): ParsedRecord | null
  /** A record was too long and was left out. Those behind it are not. */
  readonly isOversized: boolean
  /** The bytes until now have lines that no stream of events has, and no data. Always false for other answers. */
  readonly isForeign: boolean
}

/** @param streamed lines or events; false for one document (also where a native endpoint only loads or unloads a model) */
export function createRecordParser(
  endpoint: EndpointPath,
  streamed: boolean,
  onRecord: OnRecord,
  maxDocumentBytes = MAX_RECORD_BYTES,
): RecordParser {
  if (!streamed) return new DocumentParser(maxDocumentBytes, onRecord)
  return ENDPOINTS[endpoint].dialect === 'native' ? new NdjsonParser(onRecord) : new EventParser(onRecord)
}

/** Returns the object in these bytes, or an outline of it if it is larger than a record may be; null for anything else. */
function parseDocument(bytes: Buffer): JsonDocument | null {
  if (bytes.length <= MAX_RECORD_BYTES) return jsonObject(bytes.toString('utf8'))
  return bytes[0] === BRACE ? outlineOf(bytes) : null
}

/** The names that a dialect reads (see dialects.ts). */
const READ_NAMES = [
  ...['error', 'type', 'status', 'done', 'done_reason', '_debug_info', 'load_duration', 'eval_duration', 'eval_count'],
  ...['prompt_eval_count', 'prompt_eval_cached_count', 'usage', 'stop_reason', 'incomplete_details', 'message'],
] as const
/** A larger value is never read: only its kind is kept. */
const MAX_VALUE_BYTES = 64 * 1024

/** Returns the members that are read. Parsing a large document is too dear: 64 MiB of `{},` would be 1.4 GB. */
function outlineOf(bytes: Buffer): JsonDocument | null {
  if (!isJsonDocument(bytes)) return null
  const outline: Record<string, unknown> = {}
  for (const [name, value] of rawMembers(bytes, READ_NAMES))
    outline[name] = value.length <= MAX_VALUE_BYTES ? JSON.parse(value.toString()) : shortened(value)
  return outline
}

function shortened(value: Buffer): unknown {
  if (value[0] === BRACE) return {}
  return value[0] === QUOTE ? (rawText(value)?.toString('utf8', 0, MAX_VALUE_BYTES) ?? '') : []
}

const SPACE = 0x20
const QUOTE = 0x22
export const BRACE = 0x7b
const BYTE_ORDER_MARK = Buffer.from('\ufeff')

/** Removes a byte order mark, with which a stream of events may begin (HTML, "server-sent events"). */
function withoutMark(line: Buffer): Buffer {
  const hasMark = line.length >= 3 && line.compare(BYTE_ORDER_MARK, 0, 3, 0, 3) === 0
  return hasMark ? line.subarray(BYTE_ORDER_MARK.length) : line
}

/** Removes a byte order mark and white space in front (a heartbeat is a space), and white space behind. */
export function trimmed(bytes: Buffer): Buffer {
  const record = withoutMark(bytes)
  let from = 0
  let to = record.length
  while (from < to && (record[from] ?? 0) <= SPACE) from++
  while (to > from && (record[to - 1] ?? 0) <= SPACE) to--
  return from === 0 && to === record.length ? record : record.subarray(from, to)
}

/** Returns null for a blank line and for a heartbeat. */
function recordOf(event: string | null, bytes: Buffer | null): ParsedRecord | null {
  const data = bytes === null ? null : trimmed(bytes)
  return data === null || data.length === 0 ? null : new ParsedRecord(event, data)
}

class DocumentParser implements RecordParser {
  readonly isForeign = false
  readonly #maxBytes: number
  readonly #onRecord: OnRecord
  readonly #body = new GrowableBuffer()
  /** Kept until more bytes come, so that it is parsed once. Null before it is asked for, and where the body is blank. */
  #record: ParsedRecord | null = null
  #isEnded = false
  isOversized = false

  constructor(maxBytes: number, onRecord: OnRecord) {
    this.#maxBytes = maxBytes
    this.#onRecord = onRecord
  }

  push(chunk: Buffer): void {
    this.#record = null
    this.isOversized ||= this.#body.length + chunk.length > this.#maxBytes
    if (this.isOversized) this.#body.clear()
    else this.#body.add(chunk)
  }

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    const record = this.#body.length > MAX_RECORD_BYTES ? null : this.pending()
    if (record !== null) this.#onRecord(record)
  }

  pending(): ParsedRecord | null {
    this.#record ??= recordOf(null, this.#body.bytes)
    return this.#record
  }
}

const LF = 10
const CR = 13
const withoutCr = (line: Buffer): Buffer => (line.at(-1) === CR ? line.subarray(0, -1) : line)

/** Lines that end with LF, or CR LF. */
abstract class LineParser implements RecordParser {
  readonly #tail = new GrowableBuffer()
  #isTooLong = false
  isOversized = false

  abstract readonly isForeign: boolean
  abstract pending(): ParsedRecord | null
  /** Of a line that is too long, it gets null. */
  protected abstract onLine(line: Buffer | null): void

  /** What came after the last line end. */
  protected get tail(): Buffer {
    return withoutCr(this.#tail.bytes)
  }

  push(chunk: Buffer): void {
    let from = 0
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, from)) {
      this.#endLine(chunk.subarray(from, end))
      from = end + 1
    }
    if (from < chunk.length) this.#add(chunk.subarray(from))
  }

  end(): void {
    if (this.#isTooLong || this.#tail.length > 0) this.#endLine(Buffer.alloc(0))
  }

  #add(piece: Buffer): void {
    this.#isTooLong ||= this.#tail.length + piece.length > MAX_RECORD_BYTES
    this.isOversized ||= this.#isTooLong
    if (this.#isTooLong) this.#tail.clear()
    else this.#tail.add(piece)
  }

  #endLine(rest: Buffer): void {
    let line: Buffer | null = rest
    if (this.#isTooLong || this.#tail.length > 0 || rest.length > MAX_RECORD_BYTES) {
      this.#add(rest)
      line = this.#isTooLong ? null : this.#tail.take()
      this.#isTooLong = false
    }
    this.onLine(line === null ? null : withoutCr(line))
  }
}

class NdjsonParser extends LineParser {
  override readonly isForeign = false
  readonly #onRecord: OnRecord

  constructor(onRecord: OnRecord) {
    super()
    this.#onRecord = onRecord
  }

  override pending(): ParsedRecord | null {
    return recordOf(null, this.tail)
  }

  protected override onLine(line: Buffer | null): void {
    const record = recordOf(null, line)
    if (record !== null) this.#onRecord(record)
  }
}

const NEWLINE = Buffer.from('\n')
const DATA = Buffer.from('data:')
const EVENT = Buffer.from('event:')

/** Returns the value of a field, or null if the line is another one. One space behind the colon belongs to the framing. */
function fieldOf(field: Buffer, line: Buffer): Buffer | null {
  if (line.length < field.length || line.compare(field, 0, field.length, 0, field.length) !== 0) return null
  return line.subarray(line[field.length] === SPACE ? field.length + 1 : field.length)
}

/** Returns the data in a line, or null. A bare line of JSON is data: an Ollama that fails half-way may write its error so. */
const dataOf = (line: Buffer): Buffer | null => (line[0] === BRACE ? line : fieldOf(DATA, line))

const FIELDS = ['data:', 'event:', 'id:', 'retry:', ':']

/** Returns whether a stream of events has no such line. The last line may have been cut off in the middle of its name. */
function isOdd(line: Buffer): boolean {
  const start = line.toString('latin1', 0, 8)
  return !FIELDS.some((field) => start.startsWith(field) || field.startsWith(start))
}

class EventParser extends LineParser {
  readonly #onRecord: OnRecord
  #event: string | null = null
  /** Nearly always an event has one line of data. It is then copied only if the chunk ends before the event does. */
  #first: Buffer | null = null
  /** The data lines joined by LF, once there are several or the chunk has ended. */
  readonly #joined = new GrowableBuffer()
  #isJoined = false
  #isEventTooLong = false
  #sawOddLine = false
  #sawData = false

  constructor(onRecord: OnRecord) {
    super()
    this.#onRecord = onRecord
  }

  override get isForeign(): boolean {
    const tail = withoutMark(this.tail)
    return !this.#sawData && (this.#sawOddLine || isOdd(tail)) && dataOf(tail) === null
  }

  override push(chunk: Buffer): void {
    super.push(chunk)
    // From here on the chunk is the caller's again.
    if (this.#first !== null) this.#join()
  }

  override end(): void {
    super.end()
    this.#dispatch()
  }

  override pending(): ParsedRecord | null {
    const data = this.#isJoined ? this.#joined.bytes : null
    const more = dataOf(withoutMark(this.tail))
    const all = data === null || more === null ? (data ?? more) : Buffer.concat([data, NEWLINE, more])
    return recordOf(this.#event || null, all)
  }

  protected override onLine(whole: Buffer | null): void {
    if (whole === null) return this.#tooLong()
    const line = withoutMark(whole)
    if (line.length === 0) return this.#dispatch()
    const data = dataOf(line)
    if (data !== null) return this.#add(data)
    const event = fieldOf(EVENT, line)
    if (event !== null) this.#event = event.toString('utf8').trim()
    else this.#sawOddLine ||= isOdd(line)
  }

  #add(data: Buffer): void {
    this.#sawData = true
    const { length } = this.#first ?? this.#joined
    const isFirst = this.#first === null && !this.#isJoined
    if (length + data.length + (isFirst ? 0 : 1) > MAX_RECORD_BYTES) this.#tooLong()
    if (this.#isEventTooLong) return
    if (isFirst) {
      this.#first = data
      return
    }
    if (this.#first !== null) this.#join()
    this.#joined.add(NEWLINE)
    this.#joined.add(data)
  }

  #tooLong(): void {
    this.#isEventTooLong = true
    this.isOversized = true
  }

  #join(): void {
    if (this.#first !== null) this.#joined.add(this.#first)
    this.#first = null
    this.#isJoined = true
  }

  #dispatch(): void {
    const data = this.#isJoined ? this.#joined.take() : this.#first
    const record = this.#isEventTooLong ? null : recordOf(this.#event || null, data)
    this.#event = null
    this.#first = null
    this.#isJoined = false
    this.#isEventTooLong = false
    if (record !== null) this.#onRecord(record)
  }
}
