// Random number generator with a seed: the same seed gives the same numbers. `fork()` gives an independent stream, so that one
// user's draws do not change another's.

export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 ≤ n < 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** An integer from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /** An integer from `least` to `most`; small ones are more likely. */
  skewed(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.next())
  }

  happens(share: number): boolean {
    return this.next() < share
  }

  pick<T>(of: readonly T[]): T {
    const found = of[this.integer(0, of.length - 1)]
    if (found === undefined) throw new Error('nothing to choose from')
    return found
  }

  /** An independent generator. */
  fork(): SeededRandom {
    return new SeededRandom(this.integer(0, 2 ** 32 - 1))
  }
}
