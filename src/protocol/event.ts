// Owns the words of a job's event stream (`GET /jobs/{id}/events`) and how its events are numbered. No I/O.

import type { JobErrorDocument, JobState } from './wire.ts'

/** A state change. `queued` after `working` voids the records before it. */
export interface StateEvent {
  number: number
  type: 'state'
  state: JobState
  previous_state: JobState | null
  attempt: number
  /** ISO time. */
  timestamp: string
  /** With `failed` and `cancelled`. */
  error?: JobErrorDocument
}

/** One record of the answer: a line of NDJSON, an event of SSE, or a whole document that was not streamed. */
export interface RecordEvent {
  number: number
  type: 'record'
  /** The event's name, on SSE that names it. */
  event?: string
  /** The record, as the target wrote it: JSON where it is JSON, else its text (`[DONE]`). */
  data: unknown
}

export type JobEvent = StateEvent | RecordEvent

/**
 * Room for the records between two state changes. Numbers rise, with gaps, and are the same however often the stream is
 * read: the change's own number and the record's place behind it, so that nothing has to be remembered for a resume.
 */
export const EVENTS_PER_CHANGE = 100_000_000

/** Number of the event of state change `change` (1 is `queued`), or of the `record`th record (from 1) behind it. */
export const eventNumber = (change: number, record = 0): number => change * EVENTS_PER_CHANGE + record
