// Limits on concurrent webhook deliveries: in total, per receiver, and per health of receivers. Receivers that are not known
// to be healthy share a few slots, so that slots are always left for healthy ones. It sends nothing.

import { BoundedMap } from '../text/bounded-map.ts'

/** What the last try showed about a receiver (`host:port`). */
export type Tried = 'healthy' | 'failing' | 'unresponsive'
type ReceiverHealth = Tried | 'unknown'

const MAX_DELIVERIES = 64

/**
 * Slots for one receiver, and for all of its health together. The first three leave 16 slots to healthy receivers: 16
 * unresponsive ones, new at the time and with four slots each, once delayed all others for 13 s. An unresponsive receiver holds
 * a slot for 15 s, a failing one hardly at all, so the two do not share. One try is enough to see that a receiver is back.
 */
const LIMITS: Readonly<Record<ReceiverHealth, { readonly perReceiver: number; readonly together: number }>> = {
  unknown: { perReceiver: 1, together: 24 },
  failing: { perReceiver: 1, together: 16 },
  unresponsive: { perReceiver: 1, together: 8 },
  healthy: { perReceiver: 4, together: MAX_DELIVERIES },
}

/** The receivers tried longest ago are dropped first; their health is then unknown again. */
const MAX_REMEMBERED_RECEIVERS = 5_000
/** Deferred receivers that may ask again when one slot of their health becomes free. */
const MAX_READMITTED = 4

const forEachHealth = <T>(make: () => T): Record<ReceiverHealth, T> => ({
  healthy: make(),
  unknown: make(),
  failing: make(),
  unresponsive: make(),
})

export class DeliverySlots {
  readonly #taken = new Map<string, { readonly health: ReceiverHealth; slots: number }>()
  readonly #takenBy = forEachHealth(() => 0)
  readonly #known = new BoundedMap<string, Tried>(MAX_REMEMBERED_RECEIVERS)
  /** Receivers that found no slot of their health, in the order in which they asked. */
  readonly #deferred = forEachHealth(() => new BoundedMap<string, true>(MAX_REMEMBERED_RECEIVERS))
  #total = 0

  get free(): number {
    return MAX_DELIVERIES - this.#total
  }

  /** Receivers that would get no slot now, as far as they have asked. */
  get saturated(): readonly string[] {
    const full = [...this.#taken.keys()].filter((receiver) => !this.#mayAcquire(receiver))
    return [...new Set([...full, ...Object.values(this.#deferred).flatMap((waiting) => [...waiting.keys()])])]
  }

  /** Returns false if the receiver gets no slot now. */
  acquire(receiver: string): boolean {
    const health = this.#healthOf(receiver)
    if (!this.#mayAcquire(receiver)) {
      if (this.free > 0) this.#defer(receiver, health)
      return false
    }
    this.#deferred[health].delete(receiver)
    const taken = this.#taken.get(receiver) ?? { health, slots: 0 }
    taken.slots += 1
    this.#taken.set(receiver, taken)
    this.#takenBy[taken.health] += 1
    this.#total += 1
    return true
  }

  /** @param tried what the try showed; null if it showed nothing */
  release(receiver: string, tried: Tried | null): void {
    const taken = this.#taken.get(receiver)
    if (taken === undefined) return
    taken.slots -= 1
    this.#takenBy[taken.health] -= 1
    this.#total -= 1
    if (taken.slots === 0) this.#taken.delete(receiver)
    if (tried !== null) this.#known.set(receiver, tried)
    this.#readmit(taken.health)
    // Its health may be another one now than when it was deferred.
    for (const waiting of Object.values(this.#deferred)) waiting.delete(receiver)
  }

  #healthOf(receiver: string): ReceiverHealth {
    return this.#taken.get(receiver)?.health ?? this.#known.get(receiver) ?? 'unknown'
  }

  #mayAcquire(receiver: string): boolean {
    const taken = this.#taken.get(receiver)
    const known = this.#known.get(receiver)
    // Its health has changed: the slots that it holds must be released first.
    if (taken !== undefined && known !== undefined && known !== taken.health) return false
    const health = this.#healthOf(receiver)
    const { perReceiver, together } = LIMITS[health]
    return this.free > 0 && this.#takenBy[health] < together && (taken?.slots ?? 0) < perReceiver
  }

  /** A receiver that is deferred already keeps its turn. */
  #defer(receiver: string, health: ReceiverHealth): void {
    if (!this.#deferred[health].has(receiver)) this.#deferred[health].set(receiver, true)
  }

  #readmit(health: ReceiverHealth): void {
    for (const receiver of [...this.#deferred[health].keys()].slice(0, MAX_READMITTED)) {
      this.#deferred[health].delete(receiver)
    }
  }
}
