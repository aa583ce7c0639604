// Owns chance that can be repeated: the same seed gives the same numbers. Who shares no stream with another is not disturbed by
// what the other draws.

export class Chance {
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

  /** Whole, from `least` to `most`. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /** Many small ones, few large ones. */
  skewed(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.next())
  }

  happens(share: number): boolean {
    return this.next() < share
  }

  one<T>(of: readonly T[]): T {
    const found = of[this.whole(0, of.length - 1)]
    if (found === undefined) throw new Error('nothing to choose from')
    return found
  }

  /** A stream of its own. */
  fork(): Chance {
    return new Chance(this.whole(0, 2 ** 32 - 1))
  }
}
