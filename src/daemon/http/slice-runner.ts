// Runner of long work in slices, between which the event loop turns. It runs one slice of one request per turn: a hundred large
// bodies at once block the loop no longer than one does.

import { SLICE_BYTES, type Slices } from '../text/slices.ts'

export class SliceRunner {
  /** Steps of work that is not done, first come, first served. A step returns whether its work is over. */
  readonly #waiting: (() => boolean)[] = []

  /** Runs `work` to its end. Returns null as soon as `isGone` returns true: the caller has gone, and the result is not needed. */
  run<T>(work: Slices<T>, isGone: () => boolean = () => false): Promise<T | null> {
    const { promise, resolve, reject } = Promise.withResolvers<T | null>()
    const step = (): boolean => {
      try {
        if (isGone()) {
          resolve(null)
          return true
        }
        // Small pieces share a turn, so that a small request is done without waiting.
        for (let bytes = 0; bytes < SLICE_BYTES; ) {
          const next = work.next()
          if (next.done === true) {
            resolve(next.value)
            return true
          }
          bytes += next.value
        }
        return false
      } catch (error) {
        reject(error as Error)
        return true
      }
    }
    // Most work is one slice.
    if (!step() && this.#waiting.push(step) === 1) setImmediate(() => this.#turn())
    return promise
  }

  /** Runs one step. Work that is not done goes to the end. */
  #turn(): void {
    const [step] = this.#waiting
    if (step === undefined) return
    const isOver = step()
    this.#waiting.shift()
    if (!isOver) this.#waiting.push(step)
    if (this.#waiting.length > 0) setImmediate(() => this.#turn())
  }
}
