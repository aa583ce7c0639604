// Orphans: queued jobs whose caller hung up. For ten seconds a retry of the call can take over the job; then it is cancelled.
// This holds the list and recognises a retry; live.ts changes the jobs.

import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Submission } from '../../domain/job.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import { inPieces, type Slices } from '../../text/slices.ts'

/** How long a job keeps its position for a caller that hung up, in ms. */
export const ORPHAN_MS = 10_000

interface Orphan {
  readonly id: string
  readonly fingerprint: string
  readonly key: string | null
}

/** What shows that a call is a retry of another. */
export interface CallIdentity {
  readonly fingerprint: string
  /** See `saysItIsARetry`. */
  readonly isRetry: boolean
  /** Its Idempotency-Key; null if it has none. */
  readonly key: string | null
}

export class Orphans {
  readonly #clock: Clock
  /** The oldest first. */
  readonly #timers = new Map<Orphan, Timer>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Adds an orphan. `onExpired` is called once, after ORPHAN_MS, unless it was taken. */
  add(orphan: Orphan, onExpired: () => void): void {
    const timer = this.#clock.after(ORPHAN_MS, () => {
      this.#timers.delete(orphan)
      onExpired()
    })
    this.#timers.set(orphan, timer)
  }

  /** Removes and returns the oldest orphan of the same call, if the call says that it is a retry or has the orphan's key. */
  take({ fingerprint, isRetry, key }: CallIdentity): Orphan | null {
    if (!isRetry && key === null) return null
    for (const [orphan, timer] of this.#timers) {
      if (orphan.fingerprint !== fingerprint || (!isRetry && orphan.key !== key)) continue
      timer.cancel()
      this.#timers.delete(orphan)
      return orphan
    }
    return null
  }

  /** Removes all orphans; none expires any more. */
  clear(): void {
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }
}

/** The OpenAI and Anthropic SDKs count their own retries in a header. */
export function saysItIsARetry(headers: IncomingHttpHeaders): boolean {
  const count = Number(headers['x-stainless-retry-count'])
  return Number.isInteger(count) && count > 0
}

/** Equal for the same endpoint, body, peer, credential and agent: only that caller may take over the job of a lost call. */
export function* fingerprint(submission: Submission, headers: IncomingHttpHeaders, peer: string): Slices<string> {
  const hash = createHash('sha256')
  const credential = `${headers.authorization ?? ''}\n${String(headers['x-api-key'] ?? '')}`
  for (const part of [submission.endpoint, peer, credential, headers['user-agent'] ?? '']) hash.update(`${part}\0`)
  yield* inPieces(submission.body, (piece) => void hash.update(piece))
  return hash.digest('base64')
}
