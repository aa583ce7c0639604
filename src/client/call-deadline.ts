// Owns how long something is waited for: a caller's signal and a time limit, made one signal. Once released it leaves no
// timer and no listener behind, which AbortSignal.timeout and AbortSignal.any cannot promise.

import { WaitSignal } from './wait-signal.ts'

/** A longer timer fires at once in every runtime. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The reason of a signal whose work was left, not given up: nobody is told. */
const LEFT = new Error('left')

export class CallDeadline {
  readonly #controller = new AbortController()
  readonly #outer: AbortSignal | undefined
  readonly #whenOver: () => Error
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `outer` ends it with its own reason; `whenOver` makes the reason when `ms` have passed (Infinity: never). */
  constructor(outer: AbortSignal | undefined, ms: number, whenOver: () => Error) {
    this.#outer = outer
    this.#whenOver = whenOver
    if (outer?.aborted === true) this.#controller.abort(outer.reason)
    else {
      outer?.addEventListener('abort', this.#follow, { once: true })
      this.extend(ms)
    }
  }

  /** What fetch and other patience take. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** True after `leave`. */
  get isLeft(): boolean {
    return this.signal.aborted && this.signal.reason === LEFT
  }

  /** Another `ms` from now, instead of what was left. */
  extend(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.signal.aborted && ms !== Number.POSITIVE_INFINITY) this.#arm(ms)
  }

  /** Throws the signal's reason, or the error of the time limit. */
  throwIfOver(): void {
    this.signal.throwIfAborted()
  }

  /** Rejects as soon as the patience is over. */
  sleep(ms: number): Promise<void> {
    return new WaitSignal().wait(ms, this.signal)
  }

  /** No timer, no listener. What runs on the signal goes on. */
  release(): void {
    this.extend(Number.POSITIVE_INFINITY)
    this.#outer?.removeEventListener('abort', this.#follow)
  }

  /** Releases, and ends whatever still runs on the signal. Safe twice. */
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
