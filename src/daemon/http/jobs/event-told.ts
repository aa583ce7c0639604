// Owns how a state change or a record of an answer becomes an event of a job's stream (protocol/event.ts), as JSON text.
// Pure. What the target wrote goes in as it is, where it is JSON.

import { eventNumber, type RecordEvent, type StateEvent } from '../../../protocol/event.ts'
import { isJsonDocument } from '../../answer/raw-json.ts'
import type { AnswerRecord } from '../../answer/record-cutter.ts'
import { isFinal, type JobError, type StateChange } from '../../job.ts'
import { errorDocument, withRaw } from '../../job-document.ts'

export interface Told {
  readonly number: number
  readonly type: 'state' | 'record'
  /** One line. */
  readonly json: string
  /** Nothing follows it. */
  readonly isLast: boolean
}

/** @param error the job's; shown with the final states that have one */
export function toldChange({ number, state, previous, attempt, at }: StateChange, error: JobError | null): Told {
  const shown = isFinal(state) ? errorDocument({ error }) : null
  const event: StateEvent = {
    number: eventNumber(number),
    type: 'state',
    state,
    previous_state: previous,
    attempt,
    timestamp: new Date(at).toISOString(),
    ...(shown === null ? {} : { error: shown }),
  }
  return { number: event.number, type: 'state', json: JSON.stringify(event), isLast: isFinal(state) }
}

/** `number` as eventNumber gives it. Keeps nothing of the record's bytes. */
export function toldRecord(number: number, { event, data }: AnswerRecord): Told {
  const head: Omit<RecordEvent, 'data'> = { number, type: 'record', ...(event === null ? {} : { event }) }
  const text = data.toString('utf8')
  const json = withRaw(JSON.stringify(head), 'data', isJsonDocument(data) ? text : JSON.stringify(text))
  return { number, type: 'record', json, isLast: false }
}
