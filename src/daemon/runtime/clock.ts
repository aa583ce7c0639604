// Clock of the daemon. Nothing else may read the time or start a timer, so that tests can control it.

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
