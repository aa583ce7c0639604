// Owns the look-ups of receivers' names: one at a time, each answer kept for half a minute. It judges no address, and never
// takes the second of the two threads that Node has for look-ups: that one is the target's.

import type { Clock } from '../runtime/clock.ts'

export interface ResolvedAddress {
  readonly address: string
  readonly family: 4 | 6
}

/** All addresses of a name, as the system's resolver gives them; rejects when there are none. */
export type Lookup = (host: string) => Promise<readonly ResolvedAddress[]>

/** Whoever connects does so to the very addresses that were judged, so an old answer is no danger. */
const FRESH_MS = 30_000
const MAX_HOSTS = 1_000
/** What is cut off is not known, so it is never connected to. */
const MAX_ADDRESSES = 64

interface QueuedLookup {
  /** Resolved before: a name that never was may be one of hundreds that a dead resolver takes ten seconds for. */
  readonly isKnown: boolean
  readonly begin: () => void
}

export class DnsCache {
  readonly #lookup: Lookup
  readonly #clock: Clock
  readonly #kept = new Map<string, { readonly addresses: readonly ResolvedAddress[]; readonly at: number }>()
  readonly #underWay = new Map<string, Promise<readonly ResolvedAddress[]>>()
  readonly #waiting: QueuedLookup[] = []
  #busy = false

  constructor(lookup: Lookup, clock: Clock) {
    this.#lookup = lookup
    this.#clock = clock
  }

  /** Who asks for a name that is being looked up shares the answer. Not started if `signal` fires while it waits. */
  resolve(host: string, signal: AbortSignal): Promise<readonly ResolvedAddress[]> {
    const kept = this.#kept.get(host)
    if (kept !== undefined && this.#clock.monotonic() - kept.at < FRESH_MS) return Promise.resolve(kept.addresses)
    const shared = this.#underWay.get(host)
    if (shared !== undefined) return shared
    const found = this.#inTurn(host, signal).finally(() => this.#underWay.delete(host))
    this.#underWay.set(host, found)
    return found
  }

  /** Its addresses led nowhere: the next one asks anew. */
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
      this.#keep(host, addresses)
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

  #keep(host: string, addresses: readonly ResolvedAddress[]): void {
    this.#kept.delete(host)
    this.#kept.set(host, { addresses, at: this.#clock.monotonic() })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MAX_HOSTS && oldest !== undefined) this.#kept.delete(oldest)
  }
}
