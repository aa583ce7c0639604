// Deadline of a call: the caller's signal and a time limit as one signal. After `release` no timer or listener is left, which
// AbortSignal.timeout and AbortSignal.any do not guarantee.

import { WaitSignal } from './wait-signal.ts'

/** In every runtime a longer timer fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Abort reason after `dispose`: the work is abandoned, and its failure is not reported. */
const LEFT = new Error('left')

export class CallDeadline {
  readonly #controller = new AbortController()
  readonly #outer: AbortSignal | undefined
  readonly #whenOver: () => Error
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `outer` ends it with its own reason. `whenOver` creates the reason after `ms` (Infinity: no limit). */
  constructor(outer: AbortSignal | undefined, ms: number, whenOver: () => Error) {
    this.#outer = outer
    this.#whenOver = whenOver
    if (outer?.aborted === true) this.#controller.abort(outer.reason)
    else {
      outer?.addEventListener('abort', this.#follow, { once: true })
      this.extend(ms)
    }
  }

  /** The combined signal. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Whether `dispose` ended it. */
  get isLeft(): boolean {
    return this.signal.aborted && this.signal.reason === LEFT
  }

  /** Sets the time limit to `ms` from now. */
  extend(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.signal.aborted && ms !== Number.POSITIVE_INFINITY) this.#arm(ms)
  }

  /** Throws the reason if the signal is aborted or the time limit has passed. */
  throwIfOver(): void {
    this.signal.throwIfAborted()
  }

  /** Resolves after `ms`. Rejects as soon as the deadline passes. */
  sleep(ms: number): Promise<void> {
    return new WaitSignal().wait(ms, this.signal)
  }

  /** Removes the timer and the listener. Work on the signal continues. */
  release(): void {
    this.extend(Number.POSITIVE_INFINITY)
    this.#outer?.removeEventListener('abort', this.#follow)
  }

  /** Releases, and aborts work that still runs on the signal. Safe to call twice. */
  dispose(): void {
    this.release()
    this.#controller.abort(LEFT)
  }

  readonly #follow = (): void => this.#end(this.#outer?.reason)

  #end(reason: unknown): void {
    this.release()
    this.#controller.abort(reason)
  }

  #arm(ms: number): void {
    const isLast = ms <= MAX_TIMER_MS
    this.#timer = setTimeout(
      () => (isLast ? this.#end(this.#whenOver()) : this.#arm(ms - MAX_TIMER_MS)),
      isLast ? ms : MAX_TIMER_MS,
    )
  }
}
