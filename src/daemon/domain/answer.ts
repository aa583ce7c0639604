/** Headers as they came: names in the target's spelling, duplicates kept, hop-by-hop ones already dropped. */
export type AnswerHeaders = ReadonlyArray<readonly [name: string, value: string]>

/** One record, without its framing. */
export interface AnswerRecord {
  /** The event's name on SSE that names it; else null. */
  readonly event: string | null
  /** The line, the data lines of the event joined by LF, or the document. */
  readonly data: Buffer
}
