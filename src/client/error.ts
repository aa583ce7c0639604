// Error classes of the client, so that a caller can tell failures apart without reading messages.

import type { JobDocument } from '../protocol/wire.ts'

/** Base class of every error of this library. The reason of the caller's AbortSignal is thrown unchanged. */
export class ForemanError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** foreman did not answer: connection refused or lost, unknown host, or no answer in time. */
export class UnreachableError extends ForemanError {}

/** foreman answered with an error. */
export class ApiError extends ForemanError {
  /** The HTTP status; 200 if the error came in the middle of an answer. */
  readonly status: number
  /** foreman's error code (docs/errors.md); null if the error is not foreman's own. */
  readonly code: string | null
  /** The `Retry-After` of the answer in milliseconds; null if it had none. */
  readonly retryAfterMs: number | null

  constructor(message: string, status: number, code: string | null, retryAfterMs: number | null = null) {
    super(message)
    this.status = status
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** 401 or 403: the token is missing or wrong, or foreman does not allow the host name or origin of the call. */
export class AuthError extends ApiError {}

/** Something other than foreman answered. */
export class UnexpectedServerError extends ForemanError {}

/** The job ended with another state than `done`. */
export class JobEndedError extends ForemanError {
  /** The job in its final state, with attempts, timings and deliveries. */
  readonly job: JobDocument
  /** Why it ended: one of the codes in docs/errors.md. */
  readonly code: string

  constructor(job: JobDocument) {
    super(job.error?.message ?? `job ${job.job_id} is ${job.state}`)
    this.job = job
    this.code = job.error?.code ?? job.state
  }
}

/** The job `failed`. If the target sent an HTTP status, it is `job.error.status`. */
export class JobFailedError extends JobEndedError {}

/** The job was cancelled, on request or by its own deadline (`start_before_passed`, `finish_before_passed`). */
export class JobCancelledError extends JobEndedError {}

/** The job did not end within the caller's time limit. It continues. */
export class WaitTimeoutError extends ForemanError {
  readonly jobId: string
  readonly timeoutMs: number

  constructor(jobId: string, timeoutMs: number) {
    super(`job ${jobId} did not finish within ${timeoutMs} ms; it continues`)
    this.jobId = jobId
    this.timeoutMs = timeoutMs
  }
}

/** The job was put back in the queue after part of its text had been delivered. That text will not be continued. */
export class AnswerVoidedError extends ForemanError {
  readonly jobId: string

  constructor(jobId: string) {
    super(`job ${jobId} was put back in the queue: the text so far is void, and starts again`)
    this.jobId = jobId
  }
}

/** Returns the error for a job that failed or was cancelled. */
export const endedError = (job: JobDocument): JobEndedError =>
  job.state === 'cancelled' ? new JobCancelledError(job) : new JobFailedError(job)
