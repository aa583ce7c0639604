// Logical clock of a run: one counter that orders everything clients, target and receiver see. It is not a time.

import type { LogicalTime } from './run-history.ts'

export class LogicalClock {
  #count = 0

  next(): LogicalTime {
    this.#count += 1
    return this.#count
  }
}
