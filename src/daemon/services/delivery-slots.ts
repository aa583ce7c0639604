// Owns how many webhooks may be on their way at once: in all, to one receiver, and to each kind of receiver. Whoever is not
// known to answer shares a small part, so that places are always left for those who do. It sends nothing.

/** What is known of a receiver (`host:port`) by its last try. */
type ReceiverHealth = 'good' | 'unmet' | 'failing' | 'silent'

const MAX_DELIVERIES = 64

/**
 * For one receiver, and for all of its kind together. The first three kinds leave 16 places to the good ones whatever
 * happens: 16 silent receivers, met for the first time at four places each, once held up everybody for 13 s. A silent one
 * takes its 15 s, a failing one none, so the two do not share. A single try finds out whether one is back.
 */
const SHARES: Readonly<Record<ReceiverHealth, { readonly one: number; readonly all: number }>> = {
  unmet: { one: 1, all: 24 },
  failing: { one: 1, all: 16 },
  silent: { one: 1, all: 8 },
  good: { one: 4, all: MAX_DELIVERIES },
}

/** The longest unheard of are forgotten first; who is forgotten counts as never met. */
const MAX_REMEMBERED_RECEIVERS = 5_000
/** How many that were put off are let in for a look when one place of their kind is free again. */
const MAX_PROBES = 4

export type Tried = 'good' | 'failing' | 'silent'

export class DeliverySlots {
  readonly #taken = new Map<string, { readonly health: ReceiverHealth; places: number }>()
  readonly #takenBy: Record<ReceiverHealth, number> = { good: 0, unmet: 0, failing: 0, silent: 0 }
  /** The longest unheard of first. */
  readonly #known = new Map<string, Tried>()
  /** Asked for a place of a kind that had none left; the first to come first. */
  readonly #putOff: Record<ReceiverHealth, Set<string>> = {
    good: new Set(),
    unmet: new Set(),
    failing: new Set(),
    silent: new Set(),
  }
  #all = 0

  get free(): number {
    return MAX_DELIVERIES - this.#all
  }

  /** Receivers that get no place now, as far as they have asked. */
  get saturated(): readonly string[] {
    const full = [...this.#taken.keys()].filter((receiver) => !this.#mayTake(receiver))
    return [...new Set([...full, ...Object.values(this.#putOff).flatMap((waiting) => [...waiting])])]
  }

  /** False: no place now. */
  acquire(receiver: string): boolean {
    const health = this.#standingOf(receiver)
    if (!this.#mayTake(receiver)) {
      if (this.free > 0) this.#remember(this.#putOff[health], receiver)
      return false
    }
    this.#putOff[health].delete(receiver)
    const taken = this.#taken.get(receiver) ?? { health, places: 0 }
    taken.places += 1
    this.#taken.set(receiver, taken)
    this.#takenBy[taken.health] += 1
    this.#all += 1
    return true
  }

  /** `tried`: how it went; null where nothing was learnt. */
  release(receiver: string, tried: Tried | null): void {
    const taken = this.#taken.get(receiver)
    if (taken === undefined) return
    taken.places -= 1
    this.#takenBy[taken.health] -= 1
    this.#all -= 1
    if (taken.places === 0) this.#taken.delete(receiver)
    if (tried !== null) {
      this.#known.delete(receiver)
      this.#known.set(receiver, tried)
    }
    for (const [oldest] of this.#known) {
      if (this.#known.size <= MAX_REMEMBERED_RECEIVERS) break
      this.#known.delete(oldest)
    }
    this.#look(this.#putOff[taken.health])
    // What it is now, it was put off as something else.
    for (const waiting of Object.values(this.#putOff)) waiting.delete(receiver)
  }

  #standingOf(receiver: string): ReceiverHealth {
    return this.#taken.get(receiver)?.health ?? this.#known.get(receiver) ?? 'unmet'
  }

  #mayTake(receiver: string): boolean {
    const taken = this.#taken.get(receiver)
    const known = this.#known.get(receiver)
    // It has turned bad, or good: what it holds comes back first.
    if (taken !== undefined && known !== undefined && known !== taken.health) return false
    const health = this.#standingOf(receiver)
    const { one, all } = SHARES[health]
    return this.free > 0 && this.#takenBy[health] < all && (taken?.places ?? 0) < one
  }

  #remember(waiting: Set<string>, receiver: string): void {
    waiting.add(receiver)
    const [oldest] = waiting
    if (waiting.size > MAX_REMEMBERED_RECEIVERS && oldest !== undefined) waiting.delete(oldest)
  }

  #look(waiting: Set<string>): void {
    let looks = MAX_PROBES
    for (const receiver of waiting) {
      if (looks-- === 0) break
      waiting.delete(receiver)
    }
  }
}
