// Runner of long work in slices, between which the event loop turns. It runs one slice of one request per turn: a hundred large
// bodies at once block the loop no longer than one does.

import { SLICE_BYTES, type Slices } from '../text/slices.ts'

interface Work {
  /** Returns whether it is over. */
  readonly step: () => boolean
}

export class SliceRunner {
  /** First come, first served. Work that is not done goes to the end. */
  readonly #waiting: Work[] = []
  #isScheduled = false

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
    if (!step()) this.#enqueue({ step })
    return promise
  }

  #enqueue(work: Work): void {
    this.#waiting.push(work)
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#turn())
  }

  #turn(): void {
    this.#isScheduled = false
    const work = this.#waiting.shift()
    if (work === undefined) return
    if (!work.step()) this.#waiting.push(work)
    if (this.#waiting.length === 0) return
    this.#isScheduled = true
    setImmediate(() => this.#turn())
  }
}
