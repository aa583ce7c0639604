// Types and numbering of a job's event stream (`GET /jobs/{id}/events`). No I/O.

import type { JobErrorDocument, JobState } from './wire.ts'

/** A state change. `queued` after `working` means that the records before it are void. */
export interface StateEvent {
  /** See `eventNumber`. */
  number: number
  type: 'state'
  state: JobState
  /** The state before; null for the first event. */
  previous_state: JobState | null
  /** How often the job had been sent to Ollama by then. */
  attempt: number
  /** ISO time of the change. */
  timestamp: string
  /** Present with `failed` and `cancelled`. */
  error?: JobErrorDocument
}

/** One record of the answer: a line of NDJSON, an SSE event, or the whole document of an answer that was not streamed. */
export interface RecordEvent {
  /** See `eventNumber`. */
  number: number
  type: 'record'
  /** Name of the SSE event. Absent if it has none. */
  event?: string
  /** The record as Ollama wrote it: parsed if it is JSON, else its text, such as `[DONE]`. */
  data: unknown
}

export type JobEvent = StateEvent | RecordEvent

/**
 * Numbers reserved for the records after one state change. Event numbers rise with gaps. They are computed from the number
 * of the change and the record's place after it, so they are the same at each reading and a resume needs no stored state.
 */
export const EVENTS_PER_CHANGE = 100_000_000

/** Number of the event for state change `change` (1 is `queued`), or for the `record`th record (from 1) after it. */
export const eventNumber = (change: number, record = 0): number => change * EVENTS_PER_CHANGE + record
