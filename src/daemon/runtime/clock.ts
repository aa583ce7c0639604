// Owns the idea of time inside the daemon. Nothing else may read the wall clock or start a timer: tests step this one.

/** A started timer. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

/** Two clocks and one timer. Order never comes from either clock, only from the queue's sequence. */
export interface Clock {
  /** Wall time, milliseconds since 1970. May jump either way. For what people read and what outlives the process. */
  now(): number
  /** Milliseconds since some start; never goes back. For durations. */
  monotonic(): number
  /** Runs `fn` once after `ms` milliseconds. */
  after(ms: number, fn: () => void): Timer
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    // A longer delay than 2^31-1 ms fires at once in Node; a day less than that is "for ever" here.
    const handle = setTimeout(fn, Math.min(ms, 2_147_483_000))
    return { cancel: () => clearTimeout(handle) }
  },
}
