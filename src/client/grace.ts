// Owns which failures are lived through while a job is waited for, and for how long: a daemon that restarts, a proxy that
// has lost it for a moment. What would be the same at the next try is not.

import { AnswerError, ForeignError, UnreachableError } from './error.ts'

export class Grace {
  readonly #ms: number
  #goodAt = performance.now()

  constructor(ms: number) {
    this.#ms = ms
  }

  /** foreman has answered. */
  renew(): void {
    this.#goodAt = performance.now()
  }

  /** Throws `error` where another try would not help, or when there has been no good answer for too long. */
  forgive(error: unknown): void {
    if (!isPassing(error) || performance.now() - this.#goodAt >= this.#ms) throw error
  }
}

/** A proxy in front of a daemon that is down answers with its own 502, which looks foreign. */
const isPassing = (error: unknown): boolean =>
  error instanceof UnreachableError ||
  error instanceof ForeignError ||
  (error instanceof AnswerError && error.status >= 500)
