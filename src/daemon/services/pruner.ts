// Pruner: deletes finished jobs that are older than FOREMAN_JOB_TTL. It runs every quarter of that time (at least each
// minute), in small batches, so that a stream or a claim never waits behind a million deletes.

import type { Clock, Timer } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Store } from '../sqlite/store.ts'

const MAX_JOBS_PER_PRUNE = 500
/** The wall clock is trusted if it is ahead of the monotonic clock by at most this much more than last time. */
const MAX_STEP_MS = 30_000
/** A larger step is trusted if a second check this much later still sees it. Timers may fire a little early. */
const SECOND_LOOK_MS = 59_000
const AT_LEAST_EVERY_MS = 60_000

export interface PrunerParts {
  readonly clock: Clock
  readonly log: Log
  readonly store: Store
  /** FOREMAN_JOB_TTL, ms. */
  readonly ttlMs: number
}

export class Pruner {
  readonly #parts: PrunerParts
  #timer: Timer | null = null
  #current: Promise<void> = Promise.resolve()
  #stopped = false
  /** Wall time minus monotonic time when the wall clock was last trusted. */
  #offset: number | null = null
  /** A step forward of the wall clock that was seen once. */
  #seen: { readonly offset: number; readonly at: number } | null = null

  constructor(parts: PrunerParts) {
    this.#parts = parts
  }

  start(): void {
    this.#current = this.#prune().finally(() => {
      if (this.#stopped) return
      const everyMs = Math.max(1_000, Math.min(this.#parts.ttlMs / 4, AT_LEAST_EVERY_MS))
      this.#timer = this.#parts.clock.after(everyMs, () => this.start())
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#current
  }

  /**
   * Returns the trusted wall time; null if it is not known yet. A clock that was a year ahead for one minute once made
   * foreman delete every finished job.
   */
  #believedNow(): number | null {
    const { clock } = this.#parts
    const [now, at] = [clock.now(), clock.monotonic()]
    const offset = now - at
    // 1. The clock ran on, or was set back.
    const isSteady = this.#offset !== null && offset - this.#offset <= MAX_STEP_MS
    // 2. It jumped ahead, or this process has just started: a second check must see the same.
    const isSeenAgain =
      this.#seen !== null && Math.abs(offset - this.#seen.offset) <= MAX_STEP_MS && at - this.#seen.at >= SECOND_LOOK_MS
    if (isSteady || isSeenAgain) {
      this.#offset = offset
      this.#seen = null
      return now
    }
    if (this.#seen === null || Math.abs(offset - this.#seen.offset) > MAX_STEP_MS) this.#seen = { offset, at }
    return this.#offset === null ? null : at + this.#offset
  }

  async #prune(): Promise<void> {
    const { log, store, ttlMs } = this.#parts
    const now = this.#believedNow()
    if (now === null) return
    let total = 0
    try {
      for (;;) {
        const deleted = this.#stopped ? 0 : await store.prune(now - ttlMs, MAX_JOBS_PER_PRUNE)
        total += deleted
        if (deleted < MAX_JOBS_PER_PRUNE) break
      }
      if (total > 0) log.info({ jobs: total }, 'finished jobs deleted')
    } catch (error) {
      log.error({ err: error }, 'finished jobs could not be deleted; trying again at the next run')
    }
  }
}
