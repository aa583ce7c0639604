// Orphans: queued jobs whose waiting caller disconnected. For ten seconds a retry that says it is one can take each over; then it
// is cancelled. This is the memory only; live.ts handles store and answer.

import type { Clock, Timer } from '../../runtime/clock.ts'

/** How long a position in the queue is kept for a caller that disconnected. */
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

  /** Adds an orphan. `onExpired` is called once after ORPHAN_MS unless it was taken over. */
  add(orphan: Orphan, onExpired: () => void): void {
    const entries = this.#byFingerprint.get(orphan.fingerprint) ?? []
    const timer = this.#clock.after(ORPHAN_MS, () => {
      this.#remove(orphan)
      onExpired()
    })
    entries.push({ orphan, timer })
    this.#byFingerprint.set(orphan.fingerprint, entries)
  }

  /** The oldest orphan of the same call, if `says` it is a retry, or carries the orphan's key. It is an orphan no more. */
  take(fingerprint: string, says: { readonly retry: boolean; readonly key: string | null }): Orphan | null {
    const entry = this.#byFingerprint
      .get(fingerprint)
      ?.find(({ orphan }) => says.retry || (says.key !== null && says.key === orphan.key))
    if (entry === undefined) return null
    this.#remove(entry.orphan)
    return entry.orphan
  }

  /** Drops all orphans without calling `onExpired`. */
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
