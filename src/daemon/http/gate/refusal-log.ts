// Log of callers who were refused for want of trust: at most one line a minute for each peer and status. It never logs what
// they sent.

import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'

const EVERY_MS = 60_000
/** Peers that are remembered; more than that share one line a minute. */
const MAX_PEERS = 256

export class RefusalLog {
  readonly #clock: Clock
  readonly #log: Log
  /** When each was last logged, by peer and status; the oldest first. */
  readonly #loggedAt = new Map<string, number>()

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /** @param route A path of the table, or `other`. */
  refused(status: 401 | 403, code: string | null, peer: string, route: string): void {
    const now = this.#clock.monotonic()
    for (const [key, at] of this.#loggedAt) {
      if (now - at < EVERY_MS) break
      this.#loggedAt.delete(key)
    }
    const key = this.#loggedAt.size < MAX_PEERS ? `${status} ${peer}` : `${status}`
    if (this.#loggedAt.has(key)) return
    this.#loggedAt.set(key, now)
    this.#log.info({ status, code, peer, route }, 'request refused')
  }
}
