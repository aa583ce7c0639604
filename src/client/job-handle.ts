// Handle of one job: its id, and methods to follow, await and end it. It holds no resources, and can be created again from
// the id at any time.

import type { JobEvent } from '../protocol/event.ts'
import type { JobDocument, ReceiptDocument } from '../protocol/wire.ts'
import type { CancelDocument, ForemanClient, GetOptions, RequestOptions } from './client.ts'
import type { Connection } from './connection.ts'
import { endedError } from './error.ts'
import { type EventsOptions, eventsOf } from './event-stream.ts'
import type { Iteration } from './iteration.ts'
import type { WebhookReceiver } from './receiver.ts'
import { type TextOptions, textStream } from './text-stream.ts'
import { type WaitStrategy, waitForEnd } from './wait.ts'

export interface ResultOptions {
  /** Ends the wait with the signal's reason. The job continues. */
  readonly signal?: AbortSignal | undefined
  /** Time limit in milliseconds, then WaitTimeoutError. Default: no limit. */
  readonly timeoutMs?: number | undefined
  /** How to learn of the end. Default: `receiver` if the client has one, else `events`. */
  readonly via?: WaitStrategy | undefined
}

/** The parts of a handle. */
export interface HandleParts {
  readonly client: ForemanClient
  readonly connection: Connection
  readonly id: string
  readonly receipt: ReceiptDocument | null
  readonly isReplayed: boolean
  /** Null if this job's webhooks do not go to the client's receiver. */
  readonly receiver: WebhookReceiver | null
  readonly unreachableMs: number
}

export class JobHandle {
  /** The job id. */
  readonly id: string
  /** foreman's answer to the submit; null for a handle created from an id. */
  readonly receipt: ReceiptDocument | null
  /** Whether the Idempotency-Key belonged to an existing job, so that nothing new was queued. */
  readonly isReplayed: boolean
  readonly #parts: HandleParts

  constructor(parts: HandleParts) {
    this.id = parts.id
    this.receipt = parts.receipt
    this.isReplayed = parts.isReplayed
    this.#parts = parts
  }

  /**
   * Waits for the end of the job and resolves with it if it is `done`. Throws JobFailedError, JobCancelledError,
   * WaitTimeoutError (the job continues), the signal's reason, AuthError, ApiError (404: the job was deleted), or
   * UnreachableError if foreman did not answer for longer than the client's `unreachableMs`.
   */
  async result({ signal, timeoutMs = Number.POSITIVE_INFINITY, via }: ResultOptions = {}): Promise<JobDocument> {
    const { connection, receiver, unreachableMs } = this.#parts
    const job = await waitForEnd({
      connection,
      id: this.id,
      via: via ?? (receiver === null ? 'events' : 'receiver'),
      receiver,
      unreachableMs,
      look: (looking) => this.get({ signal: looking }),
      signal,
      timeoutMs,
    })
    if (job.state !== 'done') throw endedError(job)
    return job
  }

  /**
   * Iterates over the state changes and the records of the answer, from the start or after `after`. It reconnects if the
   * connection is lost, and ends after the final state. Throws as `result` does, except for a failed or cancelled job.
   */
  events(options: EventsOptions = {}): Iteration<JobEvent> {
    return eventsOf(this.#parts.connection, this.id, options, this.#parts.unreachableMs)
  }

  /**
   * Iterates over the assistant's text as it is written. Ends when the job is `done`; throws JobFailedError or
   * JobCancelledError. If the job is put back in the queue after some text, that text is void: `onVoid` is called and the
   * text starts again, or, without `onVoid`, AnswerVoidedError is thrown.
   */
  text(options: TextOptions = {}): Iteration<string> {
    return textStream(
      { id: this.id, events: (signal) => this.events({ signal }), look: (signal) => this.get({ signal }) },
      options,
    )
  }

  /** Returns the job in its current state or, with `waitSeconds`, as soon as it has ended. */
  get(options?: GetOptions): Promise<JobDocument> {
    return this.#parts.client.get(this.id, options)
  }

  /** Cancels the job. Does nothing if it has ended. `result` then throws JobCancelledError. */
  cancel(options?: RequestOptions): Promise<CancelDocument> {
    return this.#parts.client.cancel(this.id, options)
  }

  /** Submits the same body as a new job. Throws ApiError `job_active` until this job has ended. */
  async retry(options?: RequestOptions): Promise<JobHandle> {
    const again = await this.#parts.client.retry(this.id, options)
    return new JobHandle({ ...again.#parts, receiver: this.#parts.receiver })
  }

  /** Deletes the job with its artifacts and webhooks. Throws ApiError `job_active` until it has ended. */
  delete(options?: RequestOptions): Promise<void> {
    return this.#parts.client.delete(this.id, options)
  }
}
