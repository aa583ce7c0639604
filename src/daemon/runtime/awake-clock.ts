// Awake clock: milliseconds during which the target was reachable. "Has waited fifteen minutes" must not mean "the Mac
// slept for fifteen minutes". It reads only the injected clock.

import type { Clock } from './clock.ts'

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
