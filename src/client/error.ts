// Owns the ways in which a call to foreman, or a job, can fail, as classes, so that a caller can tell them apart without
// reading text.

import type { JobDocument } from '../protocol/wire.ts'

/** Every error of this library. What a caller's own AbortSignal gives as its reason is passed on as it is. */
export class ForemanError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** Nothing answered: refused, no such host, cut, or no answer in time. */
export class UnreachableError extends ForemanError {}

/** foreman answered with an error. */
export class ApiError extends ForemanError {
  /** The HTTP status. 200 where the error came in the middle of an answer that had begun well. */
  readonly status: number
  /** foreman's own code (docs/errors.md); null where it was somebody else's error. */
  readonly code: string | null
  /** What `Retry-After` asked for, milliseconds; null where it asked for nothing. */
  readonly retryAfterMs: number | null

  constructor(message: string, status: number, code: string | null, retryAfterMs: number | null = null) {
    super(message)
    this.status = status
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** 401 or 403: the token is missing or wrong, or the address under which foreman was called is not allowed. */
export class AuthError extends ApiError {}

/** Something answers there, and it is not foreman. */
export class UnexpectedServerError extends ForemanError {}

/** The job is over, and not `done`. */
export class JobEndedError extends ForemanError {
  /** As it was at its end; attempts, timings and deliveries are in it. */
  readonly job: JobDocument
  /** Why it ended (docs/errors.md). */
  readonly code: string

  constructor(job: JobDocument) {
    super(job.error?.message ?? `job ${job.job_id} is ${job.state}`)
    this.job = job
    this.code = job.error?.code ?? job.state
  }
}

/** The job `failed`. `error.status` of its document is the target's HTTP status, where it gave one. */
export class JobFailedError extends JobEndedError {}

/** Somebody cancelled the job, or a deadline of its own did: `start_before_passed`, `finish_before_passed`. */
export class JobCancelledError extends JobEndedError {}

/** The job was not over in the time that the caller gave it. It goes on. */
export class WaitTimeoutError extends ForemanError {
  readonly jobId: string
  readonly timeoutMs: number

  constructor(jobId: string, timeoutMs: number) {
    super(`job ${jobId} was not over within ${timeoutMs} ms; it goes on`)
    this.jobId = jobId
    this.timeoutMs = timeoutMs
  }
}

/** The job went back to the queue after part of its text had been handed out: that text will not be continued. */
export class AnswerVoidedError extends ForemanError {
  readonly jobId: string

  constructor(jobId: string) {
    super(`job ${jobId} was put back in the queue: the text until now is void, and begins anew`)
    this.jobId = jobId
  }
}

/** The error of a job that is over and not done. */
export const endedError = (job: JobDocument): JobEndedError =>
  job.state === 'cancelled' ? new JobCancelledError(job) : new JobFailedError(job)
