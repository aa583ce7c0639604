// Completion detector: whether an answer is whole, has failed or was cut, and what it cost. It folds over the records as they
// go by, and changes and delays none of them. A clean end proves nothing: Ollama ends some answers half-way without an error.
// Pure.

import type { Verdict } from '../domain/attempt.ts'
import { type Dialect, ENDPOINTS, type EndpointPath } from '../domain/endpoint.ts'
import type { Measured } from '../domain/job.ts'
import { bad, COMPLETE, emptyNotes, INCOMPLETE, type MutableMeasured, READINGS } from './dialects.ts'
import { BRACE, createRecordParser, type ParsedRecord, type RecordParser } from './records.ts'

export interface CompletionDetector {
  /** The bytes are valid only during the call. */
  push(chunk: Buffer): void
  /** The answer is over. Safe twice. */
  end(): void
  /** A record has decided the verdict, and nothing that follows can change it. Always false where only the end decides. */
  readonly isDecided: boolean
  /** The verdict on the bytes until now. `cut`: they did not end as their framing says. */
  verdict(cut?: boolean): Verdict
  /** What the answer says of its cost. Known from its last record on. */
  measured(): Measured
}

/** Called for each record. `isLast`: this record decided the verdict. The bytes are valid only during the call. */
export type OnReadRecord = (record: ParsedRecord, isLast: boolean) => void

/** @param streamed lines or events; false for one document (also where a native endpoint only loads or unloads a model) */
export function createCompletionDetector(
  endpoint: EndpointPath,
  streamed: boolean,
  onRecord: OnReadRecord = () => {},
): CompletionDetector {
  if (ENDPOINTS[endpoint].isBlob && !streamed) return new BlobDetector(endpoint, onRecord)
  return new RecordDetector(endpoint, streamed, onRecord)
}

const DONE = Buffer.from('[DONE]')
const MAX_DOCUMENT_BYTES = 64 * 1024 ** 2
/** A longer picture or recording is not read: an error document is shorter. */
const MAX_ERROR_BYTES = 64 * 1024

const tooLong = (): Verdict => bad('a record that is too long')

const isFinal = (verdict: Verdict | null): boolean => verdict?.kind === 'complete' || verdict?.kind === 'error'

class RecordDetector implements CompletionDetector {
  readonly #dialect: Dialect
  readonly #form: 'document' | 'ndjson' | 'sse'
  readonly #parser: RecordParser
  readonly #onRecord: OnReadRecord
  #notes = emptyNotes()
  /** The first verdict that a record gave, or the one at the end. */
  #found: Verdict | null = null
  #isEnded = false
  /** The record that ends with the answer, not with its framing, decides the verdict. */
  #lastDecides = false

  constructor(endpoint: EndpointPath, streamed: boolean, onRecord: OnReadRecord) {
    this.#dialect = ENDPOINTS[endpoint].dialect
    this.#form = !streamed ? 'document' : this.#dialect === 'native' ? 'ndjson' : 'sse'
    this.#onRecord = onRecord
    this.#parser = createRecordParser(endpoint, streamed, (record) => this.#take(record), MAX_DOCUMENT_BYTES)
  }

  get isDecided(): boolean {
    return this.#form !== 'document' && isFinal(this.#found)
  }

  push(chunk: Buffer): void {
    this.#parser.push(chunk)
  }

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    const wasFinal = isFinal(this.#found)
    this.#found = this.verdict()
    this.#lastDecides = !wasFinal && isFinal(this.#found)
    this.#parser.end()
  }

  verdict(): Verdict {
    if (this.#found !== null) return this.#found
    if (this.#parser.isOversized) return tooLong()
    const pending = this.#parser.pending()
    if (this.#form === 'document') return this.#documentVerdict(pending)
    // A record without its line end counts if it is whole.
    const last = pending === null ? null : this.#read(pending)
    if (last !== null && last.kind !== 'bad') return last
    if (this.#form === 'sse') return this.#parser.isForeign ? bad('no server-sent events') : INCOMPLETE
    // A last line that is not JSON was cut off, if it begins like JSON.
    return last !== null && pending?.data[0] !== BRACE ? last : INCOMPLETE
  }

  measured(): Measured {
    if (this.#form === 'document') this.verdict()
    return { ...this.#notes }
  }

  #take(record: ParsedRecord): void {
    let isLast = this.#lastDecides
    // What follows the first verdict cannot change it.
    if (this.#found === null) {
      this.#found = this.#parser.isOversized ? tooLong() : this.#read(record)
      isLast = isFinal(this.#found)
    }
    this.#onRecord(record, isLast)
  }

  /** Returns null if there is more to come. */
  #read({ event, data, document }: ParsedRecord): Verdict | null {
    if (document !== null) return READINGS[this.#dialect](document, this.#notes, event ?? '')
    if (this.#form === 'ndjson') return bad('a line that is not a JSON object')
    return data.equals(DONE) ? COMPLETE : bad('an event whose data is not a JSON object')
  }

  #documentVerdict(record: ParsedRecord | null): Verdict {
    this.#notes = emptyNotes()
    if (record === null) return INCOMPLETE
    if (record.document === null) return record.data[0] === BRACE ? INCOMPLETE : bad('not a JSON object')
    const verdict = READINGS[this.#dialect](record.document, this.#notes, '')
    // On /v1 a whole document without an error is complete.
    return verdict ?? (this.#dialect === 'native' ? INCOMPLETE : COMPLETE)
  }
}

/** A picture or the text of a recording: whole when its framing says so, whatever is in it, if it is not an error. */
class BlobDetector implements CompletionDetector {
  readonly isDecided = false
  readonly #parser: RecordParser

  constructor(endpoint: EndpointPath, onRecord: OnReadRecord) {
    this.#parser = createRecordParser(endpoint, false, (record) => onRecord(record, true))
  }

  push(chunk: Buffer): void {
    this.#parser.push(chunk)
  }

  end(): void {
    this.#parser.end()
  }

  verdict(cut = false): Verdict {
    const error = this.#read(emptyNotes())
    return error?.kind === 'error' ? error : cut ? INCOMPLETE : COMPLETE
  }

  measured(): Measured {
    const notes = emptyNotes()
    this.#read(notes)
    return notes
  }

  #read(notes: MutableMeasured): Verdict | null {
    const record = this.#parser.pending()
    const document = record === null || record.data.length > MAX_ERROR_BYTES ? null : record.document
    return document === null ? null : READINGS.openai(document, notes, '')
  }
}
