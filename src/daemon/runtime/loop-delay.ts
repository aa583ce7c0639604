// Event loop delay: how late a timer fires that is due every 100 ms. It measures the real clock, whichever clock the daemon
// has, and only reports.

import { systemClock, type Timer } from './clock.ts'

const EVERY_MS = 100

export class LoopDelay {
  #timer: Timer | null = null

  /** @param late Called each time, with seconds. */
  start(late: (seconds: number) => void): void {
    const due = systemClock.monotonic() + EVERY_MS
    this.#timer = systemClock.after(EVERY_MS, () => {
      // Timers have a resolution of a millisecond, and may be early by less than that.
      late(Math.max(0, systemClock.monotonic() - due) / 1000)
      this.start(late)
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
