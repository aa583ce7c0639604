// Orphans: queued jobs whose caller hung up. For ten seconds a retry of the call can take over the job; then it is cancelled.
// This is only the list; live.ts changes the jobs.

import type { Clock, Timer } from '../../runtime/clock.ts'

/** How long a job keeps its position for a caller that hung up, in ms. */
export const ORPHAN_MS = 10_000

export interface Orphan {
  readonly id: string
  readonly fingerprint: string
  readonly key: string | null
}

export class Orphans {
  readonly #clock: Clock
  readonly #byFingerprint = new Map<string, { orphan: Orphan; timer: Timer }[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Adds an orphan. `onExpired` is called once, after ORPHAN_MS, unless it was taken. */
  add(orphan: Orphan, onExpired: () => void): void {
    const entries = this.#byFingerprint.get(orphan.fingerprint) ?? []
    const timer = this.#clock.after(ORPHAN_MS, () => {
      this.#remove(orphan)
      onExpired()
    })
    entries.push({ orphan, timer })
    this.#byFingerprint.set(orphan.fingerprint, entries)
  }

  /** Removes and returns the oldest orphan of the same call, if `says` that it is a retry, or has the orphan's key. */
  take(fingerprint: string, says: { readonly retry: boolean; readonly key: string | null }): Orphan | null {
    const entry = this.#byFingerprint
      .get(fingerprint)
      ?.find(({ orphan }) => says.retry || (says.key !== null && says.key === orphan.key))
    if (entry === undefined) return null
    this.#remove(entry.orphan)
    return entry.orphan
  }

  /** Removes all orphans; none expires any more. */
  clear(): void {
    for (const entries of this.#byFingerprint.values()) for (const { timer } of entries) timer.cancel()
    this.#byFingerprint.clear()
  }

  #remove(orphan: Orphan): void {
    const entries = this.#byFingerprint.get(orphan.fingerprint) ?? []
    entries.find((entry) => entry.orphan === orphan)?.timer.cancel()
    const rest = entries.filter((entry) => entry.orphan !== orphan)
    if (rest.length > 0) this.#byFingerprint.set(orphan.fingerprint, rest)
    else this.#byFingerprint.delete(orphan.fingerprint)
  }
}
