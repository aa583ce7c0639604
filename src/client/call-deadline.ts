// Time limits of the client: the deadline of one call, and how long a wait tolerates that foreman does not answer.

import { ApiError, UnexpectedServerError, UnreachableError } from './error.ts'

/** In every runtime a longer timer fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Abort reason after `dispose`: the work is abandoned, and its failure is not reported. */
const DISPOSED = new Error('disposed')

/**
 * The caller's signal and a time limit as one signal. After `dispose` no timer or listener is left. Not AbortSignal.any: on
 * Node 22 it keeps 188 bytes of each call for as long as the caller's signal exists.
 */
export class CallDeadline {
  /** Aborted with the reason of `outer`, or with that of the time limit. */
  readonly signal: AbortSignal
  readonly #controller = new AbortController()
  readonly #outer: AbortSignal | undefined
  readonly #whenOver: (() => Error) | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #wakeup = Promise.withResolvers<void>()

  /** `whenOver` creates the reason after `ms`. */
  constructor(outer: AbortSignal | undefined, ms = Number.POSITIVE_INFINITY, whenOver?: () => Error) {
    this.signal = this.#controller.signal
    this.signal.addEventListener('abort', this.wake, { once: true })
    this.#outer = outer
    this.#whenOver = whenOver
    outer?.addEventListener('abort', this.#follow)
    if (outer?.aborted === true) this.#follow()
    this.extend(ms)
  }

  /** Whether `dispose` ended it. */
  get isDisposed(): boolean {
    return this.signal.reason === DISPOSED
  }

  /** Sets the time limit to `ms` from now. Infinity means no limit. */
  extend(ms: number): void {
    clearTimeout(this.#timer)
    if (ms === Number.POSITIVE_INFINITY || this.signal.aborted) return
    const step = Math.min(ms, MAX_TIMER_MS)
    const next = (): void => (ms > step ? this.extend(ms - step) : this.#controller.abort(this.#whenOver?.()))
    this.#timer = setTimeout(next, step)
  }

  /** Resolves after `ms` or at `wake`. Rejects with the signal's reason. Only one sleep at a time. */
  async sleep(ms: number): Promise<void> {
    const timer = setTimeout(this.wake, ms)
    if (!this.signal.aborted) await this.#wakeup.promise
    clearTimeout(timer)
    this.#wakeup = Promise.withResolvers()
    this.signal.throwIfAborted()
  }

  /** Ends the current sleep, or else the next one. */
  readonly wake = (): void => this.#wakeup.resolve()

  /** Removes the timer and the listener, and aborts work that still runs on the signal. Safe to call twice. */
  dispose(): void {
    clearTimeout(this.#timer)
    this.#outer?.removeEventListener('abort', this.#follow)
    this.#controller.abort(DISPOSED)
  }

  readonly #follow = (): void => this.#controller.abort(this.#outer?.reason)
}

/**
 * Outage budget of a wait. It tolerates a daemon that restarts, or a proxy that cannot reach it, but no failure that another
 * try would repeat.
 */
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
