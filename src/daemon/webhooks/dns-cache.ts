// DNS cache for webhook receivers: one lookup at a time, each answer kept for half a minute. It judges no address. It never
// takes the second of the two threads that Node has for lookups: that one is for the target.

import type { Clock } from '../runtime/clock.ts'
import { BoundedMap } from '../text/bounded-map.ts'

export interface ResolvedAddress {
  readonly address: string
  readonly family: 4 | 6
}

/** Returns all addresses of a name from the system's resolver; rejects if it has none. */
export type Lookup = (host: string) => Promise<readonly ResolvedAddress[]>

/** An old answer is safe: connections go to the addresses that were judged, and to no others. */
const FRESH_MS = 30_000
const MAX_HOSTS = 1_000
/** Addresses beyond it are dropped, so they are never connected to. */
const MAX_ADDRESSES = 64

interface QueuedLookup {
  /** Resolved before. New names wait behind known ones: they may be hundreds, and a dead resolver takes 10 s for each. */
  readonly isKnown: boolean
  readonly begin: () => void
}

export class DnsCache {
  readonly #lookup: Lookup
  readonly #clock: Clock
  readonly #kept = new BoundedMap<string, { readonly addresses: readonly ResolvedAddress[]; readonly at: number }>(
    MAX_HOSTS,
  )
  readonly #underWay = new Map<string, Promise<readonly ResolvedAddress[]>>()
  readonly #waiting: QueuedLookup[] = []
  #busy = false

  constructor(lookup: Lookup, clock: Clock) {
    this.#lookup = lookup
    this.#clock = clock
  }

  /** Concurrent calls for one name share a lookup. A lookup that still waits when `signal` fires is not started. */
  resolve(host: string, signal: AbortSignal): Promise<readonly ResolvedAddress[]> {
    const kept = this.#kept.get(host)
    if (kept !== undefined && this.#clock.monotonic() - kept.at < FRESH_MS) return Promise.resolve(kept.addresses)
    const shared = this.#underWay.get(host)
    if (shared !== undefined) return shared
    const found = this.#inTurn(host, signal).finally(() => this.#underWay.delete(host))
    this.#underWay.set(host, found)
    return found
  }

  /** No connection to its addresses succeeded: the next `resolve` looks the name up again. */
  invalidate(host: string): void {
    const kept = this.#kept.get(host)
    if (kept !== undefined) this.#kept.set(host, { ...kept, at: Number.NEGATIVE_INFINITY })
  }

  async #inTurn(host: string, signal: AbortSignal): Promise<readonly ResolvedAddress[]> {
    if (this.#busy) await new Promise<void>((begin) => this.#enqueue({ isKnown: this.#kept.has(host), begin }))
    else this.#busy = true
    try {
      signal.throwIfAborted()
      const addresses = (await this.#lookup(host)).slice(0, MAX_ADDRESSES)
      this.#kept.set(host, { addresses, at: this.#clock.monotonic() })
      return addresses
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#busy = false
      else next.begin()
    }
  }

  #enqueue(turn: QueuedLookup): void {
    const index = turn.isKnown ? this.#waiting.findIndex(({ isKnown }) => !isKnown) : -1
    this.#waiting.splice(index === -1 ? this.#waiting.length : index, 0, turn)
  }
}
