// Wake-up calls for a loop that sleeps between turns, and the loop itself.

import type { Clock, Timer } from './clock.ts'
import type { Log } from './log.ts'

/** Several calls before the loop waits count as one. A call during a turn is not lost. */
export class Wakeup {
  readonly #clock: Clock
  #isDue = false
  #waiting: (() => void) | null = null
  #timer: Timer | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  wake(): void {
    this.#isDue = true
    this.#waiting?.()
    this.#waiting = null
  }

  /** Wakes after `ms`, unless `wake` is called before. A later call replaces an earlier one. */
  wakeIn(ms: number): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.after(Math.max(0, ms), () => this.wake())
  }

  /** Resolves at the next wake-up, or at once if there was one since the last call. Only one caller may wait. */
  async wait(): Promise<void> {
    if (!this.#isDue) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
    this.#isDue = false
    this.#timer?.cancel()
    this.#timer = null
  }
}

export interface WorkLoopParts {
  readonly clock: Clock
  readonly log: Log
  /** Name in the log. */
  readonly name: string
  /** After a turn that threw, the next one begins after this time. */
  readonly retryMs: number
  readonly work: () => Promise<void>
}

/** A loop that sleeps until it is woken, does one turn of work, and sleeps again. An error is logged and does not end it. */
export class WorkLoop extends Wakeup {
  readonly #parts: WorkLoopParts
  #running: Promise<void> | null = null
  #isStopping = false

  constructor(parts: WorkLoopParts) {
    super(parts.clock)
    this.#parts = parts
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Does one turn of work now. Never rejects. */
  async turn(): Promise<void> {
    const { log, name, retryMs, work } = this.#parts
    try {
      await work()
    } catch (error) {
      log.error({ err: error }, `unexpected error in the ${name} loop; continuing`)
      this.wakeIn(retryMs)
    }
  }

  /** Resolves when the current turn has ended. Safe to call twice. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.wake()
    await this.#running
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.wait()
      if (this.#isStopping) return
      await this.turn()
    }
  }
}
