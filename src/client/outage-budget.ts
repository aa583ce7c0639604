// Owns which failures are lived through while a job is waited for, and for how long: a daemon that restarts, a proxy that
// has lost it for a moment. What would be the same at the next try is not.

import { ApiError, UnexpectedServerError, UnreachableError } from './error.ts'

export class OutageBudget {
  readonly #ms: number
  #failedAt: number | null = null

  constructor(ms: number) {
    this.#ms = ms
  }

  /** foreman has answered. */
  renew(): void {
    this.#failedAt = null
  }

  /** Throws `error` where another try would not help, or when it is too long since the first failure in a row. */
  tolerate(error: unknown): void {
    // From the failure on: an event stream may have been silent for long before it was cut, and that was no failure.
    this.#failedAt ??= performance.now()
    if (!isPassing(error) || performance.now() - this.#failedAt >= this.#ms) throw error
  }
}

/** A proxy in front of a daemon that is down answers with its own 502, which looks foreign. */
const isPassing = (error: unknown): boolean =>
  error instanceof UnreachableError ||
  error instanceof UnexpectedServerError ||
  (error instanceof ApiError && error.status >= 500)
