// Owns how many webhooks may be on their way at once, in all and to one receiver. Receivers that failed last share a small
// part of the places, so that the dead ones, each of which takes its 15 s, never take all. It sends nothing.

/** A receiver is `host:port`. */
const PLACES = 64
const PLACES_OF_ONE = 4
/** Of all the receivers whose last try failed, and of one of them: a single try finds out whether it is back. */
const PLACES_OF_FAILING = 16
const PLACES_OF_ONE_FAILING = 1
/** The longest failed are forgotten first; who is forgotten is only taken for a good one once more. */
const MOST_REMEMBERED = 5_000

export class DeliveryPlaces {
  readonly #taken = new Map<string, number>()
  /** The oldest failure first. */
  readonly #failing = new Set<string>()
  #all = 0

  get free(): number {
    return PLACES - this.#all
  }

  /** Receivers that get no place now. */
  get shutOut(): readonly string[] {
    const full = [...this.#taken.keys()].filter((receiver) => !this.#mayTake(receiver))
    return this.#isFailingFull ? [...new Set([...full, ...this.#failing])] : full
  }

  /** False: no place now. */
  take(receiver: string): boolean {
    if (!this.#mayTake(receiver)) return false
    this.#taken.set(receiver, (this.#taken.get(receiver) ?? 0) + 1)
    this.#all += 1
    return true
  }

  giveBack(receiver: string, failed: boolean): void {
    const left = (this.#taken.get(receiver) ?? 1) - 1
    if (left > 0) this.#taken.set(receiver, left)
    else this.#taken.delete(receiver)
    this.#all -= 1
    this.#failing.delete(receiver)
    if (failed) this.#failing.add(receiver)
    const [oldest] = this.#failing
    if (this.#failing.size > MOST_REMEMBERED && oldest !== undefined) this.#failing.delete(oldest)
  }

  #mayTake(receiver: string): boolean {
    const isFailing = this.#failing.has(receiver)
    if (this.free === 0 || (isFailing && this.#isFailingFull)) return false
    return (this.#taken.get(receiver) ?? 0) < (isFailing ? PLACES_OF_ONE_FAILING : PLACES_OF_ONE)
  }

  get #isFailingFull(): boolean {
    let taken = 0
    for (const [receiver, places] of this.#taken) if (this.#failing.has(receiver)) taken += places
    return taken >= PLACES_OF_FAILING
  }
}
