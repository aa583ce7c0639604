// Stored events of a job, in order: its state changes and, after the change to `working`, the records of its answer, parsed
// again from the stored bytes. At most one slice of them is in memory.

import { eventNumber } from '../../../protocol/event.ts'
import { createRecordParser } from '../../answer/records.ts'
import { answerForm } from '../../domain/endpoint.ts'
import type { Job, StateChange } from '../../domain/job.ts'
import { type EventFrame, frameOfChange, frameOfRecord } from './event-frame.ts'

/** The bytes of an answer, and the state change after which its records come. */
export interface PastAnswer {
  /** Number of the change that made the job `working`. */
  readonly change: number
  readonly chunks: Iterable<Buffer> | AsyncIterable<Buffer>
  /** How many records to send; null: all. The last may end with the answer, without its framing. */
  readonly records: number | null
}

/** How much is parsed at once: 2 MiB of small records would block every stream for 70 ms (4.4 µs a record). */
const MAX_EVENTS_PER_SLICE = 64 * 1024

/** @param after events up to this number are omitted */
export async function* historyOf(
  job: Job,
  changes: readonly StateChange[],
  answer: PastAnswer | null,
  after: number,
): AsyncGenerator<readonly EventFrame[]> {
  for (const [index, change] of changes.entries()) {
    yield [frameOfChange(change, job.error)]
    if (answer === null || change.number !== answer.change) continue
    const next = changes[index + 1]
    if (next === undefined || after < eventNumber(next.number)) yield* recordsOf(job, answer, after)
  }
}

async function* recordsOf(job: Job, { change, chunks, records }: PastAnswer, after: number) {
  let frames: EventFrame[] = []
  let count = 0
  const isStreamed = answerForm(job.endpoint, job.stream, job.loadOnly) !== 'json'
  const parser = createRecordParser(job.endpoint, isStreamed, (record) => {
    count += 1
    const number = eventNumber(change, count)
    if (number > after) frames.push(frameOfRecord(number, record))
  })
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += MAX_EVENTS_PER_SLICE) {
      parser.push(chunk.subarray(from, from + MAX_EVENTS_PER_SLICE))
      if (frames.length > 0) yield frames
      frames = []
      await new Promise(setImmediate)
    }
  }
  if (records === null || count < records) parser.end()
  yield frames
}
