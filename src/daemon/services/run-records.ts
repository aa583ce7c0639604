// Owns how the records of a running answer get their numbers and reach whoever watches, and what of an async answer is
// kept. It never slows the run: watchers are told, not asked.

import { eventNumber } from '../../protocol/event.ts'
import { type AnswerBuffer, createAnswerBuffer } from '../answer/answer-buffer.ts'
import { createRecordParser, type RecordParser } from '../answer/record-cutter.ts'
import type { AnswerRecord } from '../domain/answer.ts'
import type { JobOutput } from '../domain/artifact.ts'
import type { Job } from '../domain/job.ts'
import type { Relay } from '../runtime/relay.ts'

const LF = 0x0a

export class RunRecords {
  readonly #job: Job
  readonly #relay: Relay
  readonly #streamed: boolean
  /** Of an async job. */
  readonly #keeper: AnswerBuffer | null
  /** Of a blocked call that somebody watches: nothing of it is kept, so its records count from then on. */
  #cutter: RecordParser | null = null
  #count = 0
  #bytes = 0

  constructor(job: Job, streamed: boolean, relay: Relay) {
    this.#job = job
    this.#relay = relay
    this.#streamed = streamed
    const { endpoint, wishes, caller } = job
    this.#keeper =
      caller === 'live' ? null : createAnswerBuffer(endpoint, streamed, wishes.isJson, (record) => this.#tell(record))
  }

  /** Number of the change that made, or will make, the job `working`. */
  get change(): number {
    return this.#job.state === 'working' ? this.#job.changes : this.#job.changes + 1
  }

  /** The answer until now. */
  get chunks(): readonly Buffer[] {
    return this.#keeper?.chunks ?? []
  }

  /** Records that watchers were told of until now. */
  get count(): number {
    return this.#count
  }

  push(chunk: Buffer): void {
    const isFirst = this.#bytes === 0
    this.#bytes += chunk.length
    if (this.#keeper !== null) return this.#keeper.push(chunk)
    if (!this.#relay.isWatched(this.#job.id)) {
      this.#cutter = null
      return
    }
    if (this.#cutter !== null) return this.#cutter.push(chunk)
    this.#cutter = createRecordParser(this.#job.endpoint, this.#streamed, (record) => this.#tell(record))
    if (isFirst) return this.#cutter.push(chunk)
    // Somebody came in the middle: he sees whole records only. A document has no middle to come in at.
    const from = this.#streamed ? chunk.indexOf(LF) + 1 : 0
    if (from > 0) this.#cutter.push(chunk.subarray(from))
    else this.#cutter = null
  }

  end(): void {
    if (this.#keeper === null) this.#cutter?.end()
  }

  /** What an async job ends with; undefined for a blocked call. `isWhole`: the terminal marker was seen. */
  remains(contentType: string | null, isWhole: boolean): JobOutput | undefined {
    return this.#keeper?.output(contentType, isWhole)
  }

  #tell(record: AnswerRecord): void {
    this.#count += 1
    this.#relay.record(this.#job.id, eventNumber(this.change, this.#count), record)
  }
}
