// Clocks of the daemon: the machine's, and the awake clock. Nothing else may read the time or start a timer, so that
// tests can control it.

/** A started timer. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

/** Two clocks and a timer. Order never comes from a clock, only from the queue's sequence. */
export interface Clock {
  /**
   * Wall time, milliseconds since 1970. May jump either way. Used for display and for times that outlive the process.
   */
  now(): number
  /** Milliseconds since an arbitrary start; never goes back. Used for durations. */
  monotonic(): number
  /** Runs `fn` once after `ms` milliseconds. */
  after(ms: number, fn: () => void): Timer
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    // Node fires a delay above 2^31-1 ms at once. A little less than that (24 days) is long enough here.
    const handle = setTimeout(fn, Math.min(ms, 2_147_483_000))
    return { cancel: () => clearTimeout(handle) }
  },
}

/**
 * Milliseconds during which the target was reachable. "Has waited fifteen minutes" must not mean "the Mac slept for
 * fifteen minutes".
 */
export class AwakeClock {
  readonly #clock: Clock
  #base: number
  /** Clock.monotonic() since when it runs; null while the target is unreachable. */
  #since: number | null = null

  /** @param base milliseconds counted by earlier processes */
  constructor(clock: Clock, base = 0) {
    this.#clock = clock
    this.#base = base
  }

  get now(): number {
    return Math.floor(this.#since === null ? this.#base : this.#base + this.#clock.monotonic() - this.#since)
  }

  /** Starts or stops the clock. A repeated call changes nothing. */
  run(awake: boolean): void {
    if (awake === (this.#since !== null)) return
    this.#base = this.now
    this.#since = awake ? this.#clock.monotonic() : null
  }
}
