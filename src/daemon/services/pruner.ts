// Owns the end of finished jobs: every quarter of FOREMAN_JOB_TTL (at least each minute) what finished longer ago is
// deleted, in small pieces, so that a stream or a claim never waits behind a million deletes. Nothing else is deleted here.

import type { Clock, Timer } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Store } from '../sqlite/store.ts'

const MAX_JOBS_PER_PRUNE = 500
/** The wall clock is believed at once as long as it is ahead of the monotonic one by no more than this since the last look. */
const MAX_STEP_MS = 30_000
/** A larger step is believed when a second look this much later still sees it. Timers may fire a little early. */
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
  /** Wall time less monotonic time, as last believed. */
  #offset: number | null = null
  /** A step forward of the wall clock, seen once. */
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
   * The time by which jobs are old; null if it is not known yet. A clock that jumped a year ahead for a minute deleted
   * every finished job.
   */
  #believedNow(): number | null {
    const { clock } = this.#parts
    const [now, at] = [clock.now(), clock.monotonic()]
    const offset = now - at
    // 1. The clock went on, or back.
    const isSteady = this.#offset !== null && offset - this.#offset <= MAX_STEP_MS
    // 2. It jumped ahead, or this process has just started: a second look must see the same.
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
      log.error({ err: error }, 'finished jobs could not be deleted; tried again at the next turn')
    }
  }
}
