/** Headers as received: names in the target's spelling, duplicates kept, hop-by-hop headers dropped. */
export type AnswerHeaders = ReadonlyArray<readonly [name: string, value: string]>

/** One record of an answer, without its framing. */
export interface AnswerRecord {
  /** Name of the SSE event if it has one, else null. */
  readonly event: string | null
  /** The line, the data lines of the event joined by LF, or the whole document. */
  readonly data: Buffer
}
