// Log of requests refused with 401 or 403: at most one line a minute for each peer and status. It never logs what the caller
// sent.

import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { OwnError } from '../respond.ts'

const EVERY_MS = 60_000
/** Peers that are remembered. All further peers share one line a minute. */
const MAX_PEERS = 256

export class RefusalLog {
  readonly #clock: Clock
  readonly #log: Log
  /** When each was last logged, by status and peer; the oldest first. */
  readonly #loggedAt = new Map<string, number>()

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /** Logs a 401 or a 403 and ignores other errors. `route` is a path of the table of routes, or `other`. */
  log({ status, code }: OwnError, { socket }: IncomingMessage, route: string): void {
    if (status !== 401 && status !== 403) return
    const peer = socket.remoteAddress ?? 'unknown'
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
