// Encoder of the events of a job's stream (protocol/event.ts): turns a state change or a record of an answer into bytes, once
// for all watchers. What the target wrote is kept as it is if it is JSON.

import { eventNumber, type RecordEvent, type StateEvent } from '../../../protocol/event.ts'
import { isJsonDocument } from '../../answer/raw-json.ts'
import type { AnswerRecord } from '../../domain/endpoint.ts'
import { isFinal, type JobError, type StateChange } from '../../domain/job.ts'
import { withRaw } from '../../domain/job-document.ts'
import type { Changed } from '../../runtime/relay.ts'

export type EventForm = 'ndjson' | 'sse'

export class EventFrame {
  readonly number: number
  readonly type: 'state' | 'record'
  /** One line. */
  readonly json: string
  /** Whether it is the job's last event. */
  readonly isLast: boolean
  readonly #frames: Partial<Record<EventForm, Buffer>> = {}

  constructor(number: number, type: EventFrame['type'], json: string, isLast: boolean) {
    this.number = number
    this.type = type
    this.json = json
    this.isLast = isLast
  }

  /** Its bytes on the wire. All watchers share them: they must not be changed. */
  frame(form: EventForm): Buffer {
    this.#frames[form] ??= Buffer.from(
      form === 'sse' ? `id: ${this.number}\nevent: ${this.type}\ndata: ${this.json}\n\n` : `${this.json}\n`,
    )
    return this.#frames[form]
  }
}

/** The last join, by its first frame. */
const joined = new WeakMap<Buffer, { readonly count: number; readonly last: Buffer; readonly bytes: Buffer }>()

/** Joins the frames that one turn of the event loop gathered. Watchers with the same frames share the buffer. */
export function joinFrames(frames: readonly Buffer[]): Buffer {
  const [first, last] = [frames[0], frames.at(-1)]
  if (first === undefined || last === undefined) return Buffer.alloc(0)
  if (first === last) return first
  const known = joined.get(first)
  if (known?.last === last && known.count === frames.length) return known.bytes
  const bytes = Buffer.concat(frames)
  joined.set(first, { count: frames.length, last, bytes })
  return bytes
}

/** Frames encoded for the first watcher, kept as long as the relay holds the change or the record. */
const encodedChanges = new WeakMap<Changed, EventFrame>()
const encodedRecords = new WeakMap<AnswerRecord, EventFrame>()

/** As `frameOfChange`, encoded once for all watchers of one change. */
export function sharedChange(change: Changed): EventFrame {
  const frame = encodedChanges.get(change) ?? frameOfChange(change, change.error)
  encodedChanges.set(change, frame)
  return frame
}

/** As `frameOfRecord`, encoded once for all watchers of one record. */
export function sharedRecord(number: number, record: AnswerRecord): EventFrame {
  const known = encodedRecords.get(record)
  if (known?.number === number) return known
  const frame = frameOfRecord(number, record)
  encodedRecords.set(record, frame)
  return frame
}

/** @param error the job's error; shown with final states only */
export function frameOfChange(
  { number, state, previous, attempt, at }: StateChange,
  error: JobError | null,
): EventFrame {
  const event: StateEvent = {
    number: eventNumber(number),
    type: 'state',
    state,
    previous_state: previous,
    attempt,
    timestamp: new Date(at).toISOString(),
    ...(isFinal(state) && error !== null ? { error } : {}),
  }
  return new EventFrame(event.number, 'state', JSON.stringify(event), isFinal(state))
}

/** `number`: from eventNumber. Holds no reference to the record's bytes. */
export function frameOfRecord(number: number, { event, data }: AnswerRecord): EventFrame {
  const head: Omit<RecordEvent, 'data'> = { number, type: 'record', ...(event === null ? {} : { event }) }
  const text = data.toString('utf8')
  const json = withRaw(JSON.stringify(head), 'data', isJsonDocument(data) ? text : JSON.stringify(text))
  return new EventFrame(number, 'record', json, false)
}
