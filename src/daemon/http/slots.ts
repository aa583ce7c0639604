// Owns who may be at the target at once on the embedding routes, and who waits for a place: first come, first served,
// bounded, and whoever leaves gives up his place in the line.

export type Taken = 'now' | 'waiting' | 'full'

export class Slots {
  readonly #max: number
  readonly #maxWaiting: number
  readonly #waiting = new Set<() => void>()
  #taken = 0

  constructor(max: number, maxWaiting: number) {
    this.#max = max
    this.#maxWaiting = maxWaiting
  }

  get taken(): number {
    return this.#taken
  }

  get waiting(): number {
    return this.#waiting.size
  }

  get isFull(): boolean {
    return this.#taken >= this.#max && this.#waiting.size >= this.#maxWaiting
  }

  /** Runs `go` when there is a place: before this returns (`now`), later (`waiting`), or never (`full`). */
  take(go: () => void): Taken {
    if (this.#taken < this.#max) {
      this.#taken += 1
      go()
      return 'now'
    }
    if (this.#waiting.size >= this.#maxWaiting) return 'full'
    this.#waiting.add(go)
    return 'waiting'
  }

  /** Whoever waits no longer. False: he did not wait. */
  leave(go: () => void): boolean {
    return this.#waiting.delete(go)
  }

  /** Gives a place back: once for each `go` that was run. */
  release(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#taken -= 1
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
