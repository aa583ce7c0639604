// Owns the verdict on an answer that is one document: read once it has ended, and never held beyond a cap. Pure.

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
  type MutableMeasured,
  parseDocument,
  READINGS,
  tooLong,
  trimmed,
} from './answer-record.ts'

const MAX_DOCUMENT = 64 * 1024 ** 2
/** How much of a picture or a recording is looked at: an error document is shorter. */
const MAX_ERROR = 64 * 1024

/** JSON. */
export class DocumentMarker implements CompletionDetector {
  readonly isDecided = false
  readonly #dialect: Dialect
  readonly #body = new GrowableBuffer()
  #tooLong = false
  #read: { readonly length: number; readonly verdict: Verdict; readonly notes: MutableMeasured } | null = null

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  push(chunk: Buffer): void {
    if (this.#tooLong) return
    this.#tooLong = this.#body.length + chunk.length > MAX_DOCUMENT
    if (this.#tooLong) this.#body.clear()
    else this.#body.add(chunk)
  }

  verdict(): Verdict {
    return this.#reading().verdict
  }

  measured(): Measured {
    return { ...this.#reading().notes }
  }

  /** Parsed once for all the bytes there are. */
  #reading(): { readonly verdict: Verdict; readonly notes: MutableMeasured } {
    const { length } = this.#body
    if (this.#read?.length === length) return this.#read
    const notes = emptyNotes()
    this.#read = { length, verdict: this.#tooLong ? tooLong() : this.#judge(notes), notes }
    return this.#read
  }

  #judge(notes: MutableMeasured): Verdict {
    const body = trimmed(this.#body.bytes)
    const document = parseDocument(body)
    if (document === undefined) {
      return body.length === 0 || body[0] === BRACE ? INCOMPLETE : bad('no JSON object')
    }
    const said = READINGS[this.#dialect](document, notes, '')
    if (said !== null) return said
    // On /v1 a whole document without an error is the marker.
    return this.#dialect === 'native' ? INCOMPLETE : COMPLETE
  }
}

/** A picture, a recording's text: whole when its framing says so, whatever is in it, if it is not an error. */
export class BlobMarker implements CompletionDetector {
  readonly isDecided = false
  readonly #start = new GrowableBuffer()

  push(chunk: Buffer): void {
    const room = MAX_ERROR - this.#start.length
    if (room > 0) this.#start.add(chunk.subarray(0, room))
  }

  verdict(cut = false): Verdict {
    const document = parseDocument(this.#start.bytes)
    const error = document === undefined ? null : READINGS.openai(document, emptyNotes(), '')
    if (error?.kind === 'error') return error
    return cut ? INCOMPLETE : COMPLETE
  }

  measured(): Measured {
    const notes = emptyNotes()
    const document = parseDocument(this.#start.bytes)
    if (document !== undefined) READINGS.openai(document, notes, '')
    return notes
  }
}
