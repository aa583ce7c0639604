// Owns the end of finished jobs: every quarter of FOREMAN_JOB_TTL (at least each minute) what finished longer ago is
// deleted, in small pieces, so that a stream or a claim never waits behind a million deletes. Nothing else is deleted here.

import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Store } from '../store/store.ts'

const PIECE = 500
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

  async #prune(): Promise<void> {
    const { clock, log, store, ttlMs } = this.#parts
    let total = 0
    try {
      for (;;) {
        const deleted = this.#stopped ? 0 : await store.prune(clock.now() - ttlMs, PIECE)
        total += deleted
        if (deleted < PIECE) break
      }
      if (total > 0) log.info({ jobs: total }, 'finished jobs deleted')
    } catch (error) {
      log.error({ err: error }, 'finished jobs could not be deleted; tried again at the next turn')
    }
  }
}
