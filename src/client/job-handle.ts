// Owns what a program holds of one job: its id, and the ways to follow it, to wait for it and to end it. It holds nothing
// open by itself and may be dropped or made anew from the id at any time.

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
  /** Leaves the wait; the job goes on. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds until WaitTimeoutError. Default: no limit. */
  readonly timeoutMs?: number | undefined
  /** How to learn of the end. Default: the client's receiver if it has one, else the event stream. */
  readonly via?: WaitStrategy | undefined
}

/** What a handle is made of. */
export interface HandleParts {
  readonly client: ForemanClient
  readonly connection: Connection
  readonly id: string
  readonly receipt: ReceiptDocument | null
  readonly isReplayed: boolean
  /** Null where the webhooks of this job do not come here. */
  readonly receiver: WebhookReceiver | null
  readonly unreachableMs: number
}

export class JobHandle {
  readonly id: string
  /** What foreman acknowledged; null for a handle made from an id. */
  readonly receipt: ReceiptDocument | null
  /** The Idempotency-Key had made this job before: nothing new was queued. */
  readonly isReplayed: boolean
  readonly #parts: HandleParts

  constructor(parts: HandleParts) {
    this.id = parts.id
    this.receipt = parts.receipt
    this.isReplayed = parts.isReplayed
    this.#parts = parts
  }

  /**
   * Waits for the end and gives the job when it is `done`. Throws JobFailedError, JobCancelledError, WaitTimeoutError (the
   * job goes on), the signal's reason, AuthError, ApiError (404: the job was deleted), or UnreachableError when
   * foreman was gone for longer than the client's `unreachableMs`.
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
   * Each state change and each record of the answer, from the beginning or behind `after`. Connects again by itself; ends
   * behind the final state, whichever it is. Throws as `result` does, but not for how the job ended.
   */
  events(options: EventsOptions = {}): Iteration<JobEvent> {
    return eventsOf(this.#parts.connection, this.id, options, this.#parts.unreachableMs)
  }

  /**
   * The assistant's text as it is written. Ends when the job is `done`; throws JobFailedError or JobCancelledError. If the
   * job is put back in the queue after some text, that text is void: `onVoid` is called and the text begins anew, or,
   * without it, AnswerVoidedError is thrown.
   */
  text(options: TextOptions = {}): Iteration<string> {
    return textStream(
      { id: this.id, events: (signal) => this.events({ signal }), look: (signal) => this.get({ signal }) },
      options,
    )
  }

  /** The job as it is now, or, with `waitSeconds`, as soon as it is over. */
  get(options?: GetOptions): Promise<JobDocument> {
    return this.#parts.client.get(this.id, options)
  }

  /** Ends the job, wherever it is. Safe twice, and when it is over. `result` then throws JobCancelledError. */
  cancel(options?: RequestOptions): Promise<CancelDocument> {
    return this.#parts.client.cancel(this.id, options)
  }

  /** A new job with the same body. Throws ApiError `job_active` while this one is not over. */
  async retry(options?: RequestOptions): Promise<JobHandle> {
    const again = await this.#parts.client.retry(this.id, options)
    return new JobHandle({ ...again.#parts, receiver: this.#parts.receiver })
  }

  /** Forgets a finished job with all it holds. Throws ApiError `job_active` while it is not over. */
  forget(options?: RequestOptions): Promise<void> {
    return this.#parts.client.forget(this.id, options)
  }
}
