// Runs long work of requests in slices, so that the event loop turns between two of them. One slice of one request a turn:
// a hundred large bodies at once hold the loop no longer than one does.

import { SLICE_BYTES, type Slices } from '../text/slices.ts'

interface Work {
  /** Returns whether it is over. */
  readonly step: () => boolean
}

export class SliceRunner {
  /** First come, first served; who is not done goes to the end. */
  readonly #waiting: Work[] = []
  #isScheduled = false

  /** Runs `work` to its end. Returns null as soon as `isGone`: the result is not needed any more. */
  run<T>(work: Slices<T>, isGone: () => boolean = () => false): Promise<T | null> {
    const { promise, resolve, reject } = Promise.withResolvers<T | null>()
    const step = (): boolean => {
      try {
        if (isGone()) {
          resolve(null)
          return true
        }
        // Small pieces share a turn: a small request is done before anything is waited for.
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
