// Owns how fast an answer comes, in records a second over the last seconds. Pure: it is told the time. What came before
// the first look does not count, because a stream that is joined late brings all of its past at once.

const WINDOW_MS = 5_000
/** Below this a rate is noise. */
const MIN_MS = 900

export class TokenRate {
  #looks: { readonly at: number; readonly records: number }[] = []
  #records = 0

  /** A record has come. */
  count(): void {
    this.#records++
  }

  get records(): number {
    return this.#records
  }

  /** What came is void: the answer starts anew. */
  restart(): void {
    this.#looks = []
    this.#records = 0
  }

  /** Records a second up to `now` (monotonic milliseconds); null while that is not known. Looks once. */
  perSecond(now: number): number | null {
    this.#looks.push({ at: now, records: this.#records })
    while (this.#looks.length > 2 && (this.#looks[1]?.at ?? now) <= now - WINDOW_MS) this.#looks.shift()
    const first = this.#looks[0]
    if (first === undefined || now - first.at < MIN_MS) return null
    return ((this.#records - first.records) * 1000) / (now - first.at)
  }
}
