// Owns one sleeping loop's wake-up: any number of rings before it looks are one, and a ring while it works is not lost.

import type { Clock, Timer } from './clock.ts'

export class Wakeup {
  readonly #clock: Clock
  #rung = false
  #waiting: (() => void) | null = null
  #timer: Timer | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  wake(): void {
    this.#rung = true
    this.#waiting?.()
    this.#waiting = null
  }

  /** Rings by itself after `ms`, unless it has rung before; a later call replaces an earlier one. */
  wakeIn(ms: number): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.after(Math.max(0, ms), () => this.wake())
  }

  /** Resolves at the next ring, or at once if it has rung since the last call. One listener only. */
  async wait(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
    this.#rung = false
    this.#timer?.cancel()
    this.#timer = null
  }
}
