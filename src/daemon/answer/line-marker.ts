// Owns the verdict on an answer of lines of JSON, as it goes by. Pure.

import type { Verdict } from '../domain/attempt.ts'
import type { Dialect } from '../domain/endpoint.ts'
import type { Measured } from '../domain/job.ts'
import {
  BRACE,
  bad,
  type CompletionDetector,
  emptyNotes,
  INCOMPLETE,
  MAX_RECORD,
  type MutableMeasured,
  parseDocument,
  READINGS,
  tooLong,
  trimmed,
} from './answer-record.ts'
import { LineSplitter } from './record-splitter.ts'

export class LineMarker implements CompletionDetector {
  readonly #dialect: Dialect
  readonly #notes: MutableMeasured = emptyNotes()
  readonly #lines: LineSplitter
  #found: Verdict | null = null

  constructor(dialect: Dialect) {
    this.#dialect = dialect
    this.#lines = new LineSplitter(MAX_RECORD, (line) => {
      this.#found ??= this.#read(line, this.#notes)
    })
  }

  push(chunk: Buffer): void {
    // What follows the first verdict cannot change it.
    if (this.#found === null && !this.#lines.push(chunk)) this.#found ??= tooLong()
  }

  get isDecided(): boolean {
    return this.#found?.kind === 'complete' || this.#found?.kind === 'error'
  }

  verdict(): Verdict {
    if (this.#found !== null) return this.#found
    const { tail } = this.#lines
    const last = this.#read(tail, this.#notes)
    // A last line that is no JSON was cut off, if it began as some.
    if (last?.kind === 'bad' && trimmed(tail)[0] === BRACE) return INCOMPLETE
    return last ?? INCOMPLETE
  }

  measured(): Measured {
    return { ...this.#notes }
  }

  #read(line: Buffer, notes: MutableMeasured): Verdict | null {
    const record = trimmed(line)
    if (record.length === 0) return null
    const document = parseDocument(record)
    return document === undefined ? bad('a line that is no JSON object') : READINGS[this.#dialect](document, notes, '')
  }
}
