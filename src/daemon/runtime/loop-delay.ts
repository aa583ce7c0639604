// Event loop delay: how late a timer fires that is due every 100 ms. It measures with the real clock, even if the
// daemon has another one, and only reports.

import { systemClock, type Timer } from './clock.ts'

const EVERY_MS = 100

export class LoopDelay {
  #timer: Timer | null = null

  /** @param late called each time, with seconds */
  start(late: (seconds: number) => void): void {
    const due = systemClock.monotonic() + EVERY_MS
    this.#timer = systemClock.after(EVERY_MS, () => {
      // Timers have a resolution of 1 ms, and may fire early by less than that.
      late(Math.max(0, systemClock.monotonic() - due) / 1000)
      this.start(late)
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
