// Outage budget of a wait: which failures it tolerates, and for how long. It tolerates a daemon that restarts or a proxy that
// cannot reach it, but no failure that another try would repeat.

import { ApiError, UnexpectedServerError, UnreachableError } from './error.ts'

export class OutageBudget {
  readonly #ms: number
  #failedAt: number | null = null

  constructor(ms: number) {
    this.#ms = ms
  }

  /** Call this when foreman has answered. */
  renew(): void {
    this.#failedAt = null
  }

  /** Throws `error` if another try would not help, or if the first failure in a row was too long ago. */
  tolerate(error: unknown): void {
    // Counts from the first failure: an event stream may have been silent for long before, without a failure.
    this.#failedAt ??= performance.now()
    if (!isPassing(error) || performance.now() - this.#failedAt >= this.#ms) throw error
  }
}

/** A proxy in front of a daemon that is down answers with its own 502, which looks like another server. */
const isPassing = (error: unknown): boolean =>
  error instanceof UnreachableError ||
  error instanceof UnexpectedServerError ||
  (error instanceof ApiError && error.status >= 500)
