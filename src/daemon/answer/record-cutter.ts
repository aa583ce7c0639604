// Owns where one record of an answer ends and the next begins: lines of NDJSON, events of SSE, or one whole document. The
// same bytes give the same records however they were sliced, so that a record has one number, live and afterwards. Pure.

/** One record, without its framing. */
export interface AnswerRecord {
  /** The event's name on SSE that names it; else null. */
  readonly event: string | null
  /** The line, the data lines of the event joined by LF, or the document. */
  readonly data: Buffer
}
