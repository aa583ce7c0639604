// Owns the queue's own clock: milliseconds in which a reachable target could have worked. "Has waited fifteen minutes"
// must not mean "the Mac slept for fifteen minutes" (§2). Reads the injected clock only.

import type { Clock } from './clock.ts'

export class AwakeClock {
  readonly #clock: Clock
  #base: number
  /** Clock.monotonic() since when it runs; null while the target sleeps. */
  #since: number | null = null

  /** @param base milliseconds that earlier runs of the daemon had counted */
  constructor(clock: Clock, base = 0) {
    this.#clock = clock
    this.#base = base
  }

  get now(): number {
    return Math.floor(this.#since === null ? this.#base : this.#base + this.#clock.monotonic() - this.#since)
  }

  /** Runs or stands still from now on; saying the same twice changes nothing. */
  run(awake: boolean): void {
    if (awake === (this.#since !== null)) return
    this.#base = this.now
    this.#since = awake ? this.#clock.monotonic() : null
  }
}
