// Handle of one job: its id, and methods to follow, await and end it. It holds no resources, and can be created again from
// the id at any time.

import type { JobEvent } from '../protocol/event.ts'
import type { JobDocument, JobState, ReceiptDocument } from '../protocol/wire.ts'
import { textOf } from './answer-text.ts'
import { CallDeadline } from './call-deadline.ts'
import { type Connection, isJob, jobPath, type RequestOptions } from './connection.ts'
import { AnswerVoidedError, endedError, WaitTimeoutError } from './error.ts'
import { type EventsOptions, eventsOf } from './event-stream.ts'
import { type Iteration, iteration } from './iteration.ts'
import type { WebhookReceiver } from './receiver.ts'
import { type WaitStrategy, waitForEnd } from './wait.ts'

export interface GetOptions extends RequestOptions {
  /** Waits for the end of the job for at most this many seconds (1 to 60), then answers. Default: answers at once. */
  readonly waitSeconds?: number | undefined
}

export interface ResultOptions {
  /** Ends the wait with the signal's reason. The job continues. */
  readonly signal?: AbortSignal | undefined
  /** Time limit in milliseconds, then WaitTimeoutError. Default: no limit. */
  readonly timeoutMs?: number | undefined
  /** How to learn of the end. Default: `receiver` if the client has one, else `events`. */
  readonly via?: WaitStrategy | undefined
}

export interface TextOptions {
  /** Ends the iteration, which then throws the signal's reason. The job continues. */
  readonly signal?: AbortSignal | undefined
  /** Called when the job was put back in the queue: discard the text so far, it starts again. Default: throws AnswerVoidedError. */
  readonly onVoid?: (() => void) | undefined
}

/** Answer of `POST /jobs/{id}/cancel`. */
export interface CancelDocument {
  job_id: string
  /** A final state if the job has ended. Another state if it is being stopped and will end in a moment. */
  state: JobState
}

interface HandleParts {
  readonly receipt: ReceiptDocument
  readonly isReplayed?: boolean
  /** Null if this job's webhooks do not go to the client's receiver. */
  readonly receiver?: WebhookReceiver | null
}

export class JobHandle {
  /** The job id. */
  readonly id: string
  /** foreman's answer to the submit; null for a handle created from an id. */
  readonly receipt: ReceiptDocument | null
  /** Whether the Idempotency-Key belonged to an existing job, so that nothing new was queued. */
  readonly isReplayed: boolean
  readonly #connection: Connection
  readonly #receiver: WebhookReceiver | null

  /** Created by ForemanClient. */
  constructor(connection: Connection, id: string, parts?: HandleParts) {
    this.id = id
    this.receipt = parts?.receipt ?? null
    this.isReplayed = parts?.isReplayed ?? false
    this.#connection = connection
    this.#receiver = parts?.receiver ?? null
  }

  /**
   * Waits for the end of the job and resolves with it if it is `done`. Throws JobFailedError, JobCancelledError,
   * WaitTimeoutError (the job continues), the signal's reason, AuthError, ApiError (404: the job was deleted), or
   * UnreachableError if foreman did not answer for longer than the client's `unreachableMs`.
   */
  async result({ signal, timeoutMs = Number.POSITIVE_INFINITY, via }: ResultOptions = {}): Promise<JobDocument> {
    const { id } = this
    const deadline = new CallDeadline(signal, timeoutMs, () => new WaitTimeoutError(id, timeoutMs))
    const waiting = { connection: this.#connection, id, receiver: this.#receiver, deadline }
    const job = await waitForEnd(waiting, via ?? (this.#receiver === null ? 'events' : 'receiver'))
    if (job.state !== 'done') throw endedError(job)
    return job
  }

  /**
   * Iterates over the state changes and the records of the answer, from the start or after `after`. It reconnects if the
   * connection is lost, and ends after the final state. Throws as `result` does, except for a failed or cancelled job.
   */
  events(options: EventsOptions = {}): Iteration<JobEvent> {
    return eventsOf(this.#connection, this.id, options)
  }

  /**
   * Iterates over the assistant's text as it is written. Ends when the job is `done`; throws JobFailedError or
   * JobCancelledError. If the job is put back in the queue after some text, that text is void: `onVoid` is called and the
   * text starts again, or, without `onVoid`, AnswerVoidedError is thrown.
   */
  text({ signal: outer, onVoid }: TextOptions = {}): Iteration<string> {
    const job = this
    return iteration(outer, async function* ({ signal }) {
      let hasText = false
      for await (const event of job.events({ signal })) {
        if (event.type === 'record') {
          const text = textOf(event.data)
          if (text === '') continue
          hasText = true
          yield text
        } else if (event.state === 'queued' && hasText) {
          if (onVoid === undefined) throw new AnswerVoidedError(job.id)
          hasText = false
          onVoid()
        } else if (event.state === 'failed' || event.state === 'cancelled') {
          throw endedError(await job.get({ signal }))
        }
      }
    })
  }

  /** Returns the job in its current state or, with `waitSeconds`, as soon as it has ended. */
  get({ waitSeconds, signal, timeoutMs }: GetOptions = {}): Promise<JobDocument> {
    const limitMs = (timeoutMs ?? this.#connection.timeoutMs) + (waitSeconds ?? 0) * 1_000
    const headers = waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` }
    return this.#connection.document('GET', jobPath(this.id), isJob, { headers, signal, timeoutMs: limitMs })
  }

  /** Cancels the job. Does nothing if it has ended. `result` then throws JobCancelledError. */
  cancel(options?: RequestOptions): Promise<CancelDocument> {
    return this.#connection.document('POST', jobPath(this.id, '/cancel'), isJob, options)
  }

  /** Submits the same body as a new job. Throws ApiError `job_active` until this job has ended. */
  async retry(options?: RequestOptions): Promise<JobHandle> {
    const path = jobPath(this.id, '/retry')
    const receipt = await this.#connection.document<ReceiptDocument>('POST', path, isJob, options)
    return new JobHandle(this.#connection, receipt.job_id, { receipt, receiver: this.#receiver })
  }

  /** Deletes the job with its artifacts and webhooks. Throws ApiError `job_active` until it has ended. */
  delete(options?: RequestOptions): Promise<void> {
    return this.#connection.read('DELETE', jobPath(this.id), options, () => undefined)
  }
}
