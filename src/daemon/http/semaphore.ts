// Semaphore with a bounded queue, first come, first served: limits how many embeddings are at the target at once.

export class Semaphore {
  readonly #max: number
  readonly #maxWaiting: number
  readonly #waiting: (() => void)[] = []
  #taken = 0

  constructor(max: number, maxWaiting: number) {
    this.#max = max
    this.#maxWaiting = maxWaiting
  }

  get taken(): number {
    return this.#taken
  }

  get waiting(): number {
    return this.#waiting.length
  }

  get isFull(): boolean {
    return this.#taken >= this.#max && this.#waiting.length >= this.#maxWaiting
  }

  /** Runs `go` when a slot is free: before this returns (`now`), later (`waiting`), or never (`full`). */
  acquire(go: () => void): 'now' | 'waiting' | 'full' {
    if (this.#taken < this.#max) {
      this.#taken += 1
      go()
      return 'now'
    }
    if (this.#waiting.length >= this.#maxWaiting) return 'full'
    this.#waiting.push(go)
    return 'waiting'
  }

  /** Removes a request that waits no longer. Returns whether it was waiting. */
  leave(go: () => void): boolean {
    const at = this.#waiting.indexOf(go)
    if (at >= 0) this.#waiting.splice(at, 1)
    return at >= 0
  }

  /** Frees a slot. Call it once for each `go` that was run. */
  release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#taken -= 1
    else next()
  }
}
