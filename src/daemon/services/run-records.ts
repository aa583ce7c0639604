// Records of a running answer: it numbers them, passes them to watchers, and keeps the answer of an async job. Watchers never
// slow the run.

import { eventNumber } from '../../protocol/event.ts'
import { AnswerBuffer } from '../answer/answer-buffer.ts'
import { type CompletionDetector, createCompletionDetector } from '../answer/completion-detector.ts'
import type { JobOutput } from '../domain/artifact.ts'
import type { AnswerRecord } from '../domain/endpoint.ts'
import type { Job } from '../domain/job.ts'
import type { Relay } from '../runtime/relay.ts'

export class RunRecords {
  /** Reads the answer, once for all purposes. */
  readonly completion: CompletionDetector
  readonly #job: Job
  readonly #relay: Relay
  /** The answer of an async job; null for a waiting call, of which nothing is kept. */
  readonly #buffer: AnswerBuffer | null
  #count = 0

  constructor(job: Job, streamed: boolean, relay: Relay) {
    this.#job = job
    this.#relay = relay
    const { endpoint, options, caller } = job
    const onRecord = (record: AnswerRecord): void => this.#tell(record)
    this.#buffer = caller === 'live' ? null : new AnswerBuffer(endpoint, streamed, options.isJson, onRecord)
    this.completion = this.#buffer ?? createCompletionDetector(endpoint, streamed, onRecord)
  }

  /** Number of the change that made, or will make, the job `working`. */
  get change(): number {
    return this.#job.state === 'working' ? this.#job.changes : this.#job.changes + 1
  }

  /** The answer until now. */
  get chunks(): readonly Buffer[] {
    return this.#buffer?.chunks ?? []
  }

  /** Number of records passed to watchers until now. */
  get count(): number {
    return this.#count
  }

  /** What an async job leaves at its end; undefined for a waiting call. `isWhole`: the answer is complete. */
  remains(contentType: string | null, isWhole: boolean): JobOutput | undefined {
    return this.#buffer?.output(contentType, isWhole)
  }

  /** The records of a waiting call are numbered from the moment when the first watcher comes. */
  #tell(record: AnswerRecord): void {
    if (this.#buffer === null && !this.#relay.isWatched(this.#job.id)) return
    this.#count += 1
    this.#relay.record(this.#job.id, eventNumber(this.change, this.#count), record)
  }
}
