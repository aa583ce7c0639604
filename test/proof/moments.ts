// Owns the one count from which every witness of a run takes its moments. It knows no time.

import type { Moment } from './history.ts'

export class Moments {
  #count = 0

  next(): Moment {
    this.#count += 1
    return this.#count
  }
}
