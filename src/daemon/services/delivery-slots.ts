// Owns how many webhooks may be on their way at once: in all, to one receiver, and to each kind of receiver. Whoever is not
// known to answer shares a small part, so that places are always left for those who do. It sends nothing.

/** What is known of a receiver (`host:port`) by its last try. */
type Standing = 'good' | 'unmet' | 'failing' | 'silent'

const PLACES = 64

/**
 * For one receiver, and for all of its kind together. The first three kinds leave 16 places to the good ones whatever
 * happens: 16 silent receivers, met for the first time at four places each, once held up everybody for 13 s. A silent one
 * takes its 15 s, a failing one none, so the two do not share. A single try finds out whether one is back.
 */
const SHARES: Readonly<Record<Standing, { readonly one: number; readonly all: number }>> = {
  unmet: { one: 1, all: 24 },
  failing: { one: 1, all: 16 },
  silent: { one: 1, all: 8 },
  good: { one: 4, all: PLACES },
}

/** The longest unheard of are forgotten first; who is forgotten counts as never met. */
const MOST_REMEMBERED = 5_000
/** How many that were put off are let in for a look when one place of their kind is free again. */
const LOOKS = 4

export type Tried = 'good' | 'failing' | 'silent'

export class DeliveryPlaces {
  readonly #taken = new Map<string, { readonly standing: Standing; places: number }>()
  readonly #takenBy: Record<Standing, number> = { good: 0, unmet: 0, failing: 0, silent: 0 }
  /** The longest unheard of first. */
  readonly #known = new Map<string, Tried>()
  /** Asked for a place of a kind that had none left; the first to come first. */
  readonly #putOff: Record<Standing, Set<string>> = {
    good: new Set(),
    unmet: new Set(),
    failing: new Set(),
    silent: new Set(),
  }
  #all = 0

  get free(): number {
    return PLACES - this.#all
  }

  /** Receivers that get no place now, as far as they have asked. */
  get shutOut(): readonly string[] {
    const full = [...this.#taken.keys()].filter((receiver) => !this.#mayTake(receiver))
    return [...new Set([...full, ...Object.values(this.#putOff).flatMap((waiting) => [...waiting])])]
  }

  /** False: no place now. */
  take(receiver: string): boolean {
    const standing = this.#standingOf(receiver)
    if (!this.#mayTake(receiver)) {
      if (this.free > 0) this.#remember(this.#putOff[standing], receiver)
      return false
    }
    this.#putOff[standing].delete(receiver)
    const taken = this.#taken.get(receiver) ?? { standing, places: 0 }
    taken.places += 1
    this.#taken.set(receiver, taken)
    this.#takenBy[taken.standing] += 1
    this.#all += 1
    return true
  }

  /** `tried`: how it went; null where nothing was learnt. */
  giveBack(receiver: string, tried: Tried | null): void {
    const taken = this.#taken.get(receiver)
    if (taken === undefined) return
    taken.places -= 1
    this.#takenBy[taken.standing] -= 1
    this.#all -= 1
    if (taken.places === 0) this.#taken.delete(receiver)
    if (tried !== null) {
      this.#known.delete(receiver)
      this.#known.set(receiver, tried)
    }
    for (const [oldest] of this.#known) {
      if (this.#known.size <= MOST_REMEMBERED) break
      this.#known.delete(oldest)
    }
    this.#look(this.#putOff[taken.standing])
    // What it is now, it was put off as something else.
    for (const waiting of Object.values(this.#putOff)) waiting.delete(receiver)
  }

  #standingOf(receiver: string): Standing {
    return this.#taken.get(receiver)?.standing ?? this.#known.get(receiver) ?? 'unmet'
  }

  #mayTake(receiver: string): boolean {
    const taken = this.#taken.get(receiver)
    const known = this.#known.get(receiver)
    // It has turned bad, or good: what it holds comes back first.
    if (taken !== undefined && known !== undefined && known !== taken.standing) return false
    const standing = this.#standingOf(receiver)
    const { one, all } = SHARES[standing]
    return this.free > 0 && this.#takenBy[standing] < all && (taken?.places ?? 0) < one
  }

  #remember(waiting: Set<string>, receiver: string): void {
    waiting.add(receiver)
    const [oldest] = waiting
    if (waiting.size > MOST_REMEMBERED && oldest !== undefined) waiting.delete(oldest)
  }

  #look(waiting: Set<string>): void {
    let looks = LOOKS
    for (const receiver of waiting) {
      if (looks-- === 0) break
      waiting.delete(receiver)
    }
  }
}
