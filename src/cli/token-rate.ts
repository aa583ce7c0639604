// Rate of an answer in records per second over the last seconds. Pure: the time is an argument. Records before the first
// look do not count, because a stream that is joined late brings all earlier records at once.

const WINDOW_MS = 5_000
/** A shorter window gives no useful rate. */
const MIN_MS = 900

export class TokenRate {
  #looks: { readonly at: number; readonly records: number }[] = []
  #records = 0

  /** Counts one record. */
  count(): void {
    this.#records++
  }

  get records(): number {
    return this.#records
  }

  /** Starts again, because the answer so far is void. */
  restart(): void {
    this.#looks = []
    this.#records = 0
  }

  /** Records per second up to `now` (monotonic milliseconds); null while unknown. Each call adds a sample. */
  perSecond(now: number): number | null {
    this.#looks.push({ at: now, records: this.#records })
    while (this.#looks.length > 2 && (this.#looks[1]?.at ?? now) <= now - WINDOW_MS) this.#looks.shift()
    const first = this.#looks[0]
    if (first === undefined || now - first.at < MIN_MS) return null
    return ((this.#records - first.records) * 1000) / (now - first.at)
  }
}
